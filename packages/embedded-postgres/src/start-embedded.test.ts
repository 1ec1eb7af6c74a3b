import { spawn, type ChildProcess } from 'node:child_process';
import { appendFile, chmod, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { FROM_SOURCES } from '@gatehouse/test-support/sources';
import { Client } from 'pg';
import { runningPostmaster } from './postmaster';
import { startEmbedded, type Embedded, type EmbeddedOptions } from './start-embedded';

const asRoot = process.getuid?.() === 0;
const said: string[] = [];
const log = (sentence: string) => void said.push(sentence);
const servers: Embedded[] = [];
async function start(dataFolder: string, more: Partial<EmbeddedOptions> = {}): Promise<Embedded> {
  const server = await startEmbedded({ dataFolder, log, ...more });
  servers.push(server);
  return server;
}

let parent: string;
let dataFolder: string;
const children: ChildProcess[] = [];

beforeEach(async () => {
  said.length = 0;
  parent = await mkdtemp(path.join(tmpdir(), 'gatehouse-embedded-'));
  await chmod(parent, 0o755);
  dataFolder = path.join(parent, 'data');
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const server of servers.splice(0)) await server.stop();
  const running = await runningPostmaster(await clusterOf(dataFolder));
  if (running) process.kill(running.pid, 'SIGQUIT');
  const cluster = await clusterOf(dataFolder);
  if (cluster.startsWith('/var/lib/gatehouse-')) await rm(path.dirname(cluster), { recursive: true });
  await rm(parent, { recursive: true, force: true, maxRetries: 10 });
});

async function clusterOf(folder: string): Promise<string> {
  const remembered = await readFile(path.join(folder, 'postgres.json'), 'utf8').catch(() => '{"cluster":"postgres"}');
  return path.resolve(folder, (JSON.parse(remembered) as { cluster: string }).cluster);
}

async function serverPid(folder = dataFolder): Promise<number | null> {
  return (await runningPostmaster(await clusterOf(folder)))?.pid ?? null;
}

async function query<T>(url: string, sql: string): Promise<T[]> {
  const client = new Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

/** At most half a minute. */
async function until(is: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 30_000; !(await is());) {
    if (Date.now() > end) throw new Error('it has not come true');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Another Node process that uses the data folder, in its own process group. */
async function otherProcess(kind: 'command' | 'service') {
  const program = path.join(__dirname, '../test/user.ts');
  const child = spawn(process.execPath, [...FROM_SOURCES, program, dataFolder, kind], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  const its: string[] = [];
  createInterface({ input: child.stderr }).on('line', (sentence) => its.push(sentence));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    void ended.then(() => reject(new Error('The other process ended.')));
  });
  return {
    ...(JSON.parse(line) as { url: string; adopted: boolean }),
    pid: child.pid ?? 0,
    said: its,
    kill: () => (child.kill('SIGKILL'), ended),
    finish: () => (child.stdin.write('\n'), ended),
  };
}

describe('the embedded PostgreSQL', () => {
  it('is durable, listens on this machine only, asks for its password and folds letters beyond ASCII', async () => {
    const server = await start(dataFolder);
    const settings = await query(
      server.url,
      `select current_setting('fsync') as fsync, current_setting('synchronous_commit') as synchronous_commit,
         current_setting('listen_addresses') as listen, lower('ÉTÉ') as folded, 'Z' < 'a' as by_byte, current_database() as name`,
    );
    expect(settings).toEqual([
      { fsync: 'on', synchronous_commit: 'on', listen: '127.0.0.1', folded: 'été', by_byte: true, name: 'gatehouse' },
    ]);
    const { password } = new URL(server.url);
    await expect(query(server.url.replace(password, 'wrong'), 'select 1')).rejects.toThrow('password authentication');
    expect((await stat(path.join(dataFolder, 'postgres.json'))).mode & 0o777).toBe(0o600);
    await server.stop();
    expect(await serverPid()).toBeNull();
  });

  it('keeps what was written, and its address, when it is started again', async () => {
    const first = await start(dataFolder);
    await query(first.url, `create table kept as select 1 as one`);
    await first.stop();
    const second = await start(dataFolder);
    expect(second).toMatchObject({ adopted: false, url: first.url });
    expect(await query(second.url, 'select * from kept')).toEqual([{ one: 1 }]);
    await second.stop();
  });

  it('takes another port when somebody has taken its own', async () => {
    const first = await start(dataFolder);
    await first.stop();
    const port = Number(new URL(first.url).port);
    const squatter = createServer().listen(port, '127.0.0.1');
    const second = await start(dataFolder);
    expect(new URL(second.url).port).not.toBe(String(port));
    await second.stop();
    squatter.close();
  });

  it('is one server, though two processes start it at the same time', async () => {
    const [one, other] = await Promise.all([otherProcess('service'), otherProcess('service')]);
    expect(one.url).toBe(other.url);
    expect([one.adopted, other.adopted].sort()).toEqual([false, true]);
    await one.finish();
    expect(await query(other.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await other.finish();
    expect(await serverPid()).toBeNull();
  });

  it('is adopted by a command, and not stopped at its end', async () => {
    const service = await start(dataFolder, { takeOver: true });
    const command = await otherProcess('command');
    expect(command).toMatchObject({ adopted: true, url: service.url });
    await command.finish();
    expect(await query(service.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await service.stop();
    expect(await serverPid()).toBeNull();
  });

  it('stays for a service when the command that started it ends', async () => {
    const command = await otherProcess('command');
    const service = await start(dataFolder, { takeOver: true });
    await command.finish();
    expect(await query(service.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await service.stop();
    expect(await serverPid()).toBeNull();
  });

  it('outlives a killed service: a command leaves it as it was, the next service adopts and stops it', async () => {
    const killed = await otherProcess('service');
    await killed.kill();
    const pid = await serverPid();
    expect(pid).not.toBeNull();
    const command = await start(dataFolder);
    expect(command).toMatchObject({ adopted: true, url: killed.url });
    await command.stop();
    expect(await serverPid()).toBe(pid);
    const service = await start(dataFolder, { takeOver: true });
    expect(service.adopted).toBe(true);
    await service.stop();
    expect(await serverPid()).toBeNull();
  });

  it('recovers what was committed after kill -9 of PostgreSQL, while sessions are open', async () => {
    const first = await start(dataFolder);
    const session = new Client(first.url);
    session.on('error', () => undefined);
    await session.connect();
    await session.query(`create table committed as select 7 as seven`);
    process.kill((await serverPid()) ?? 0, 'SIGKILL');
    const second = await start(dataFolder);
    expect(await query(second.url, 'select * from committed')).toEqual([{ seven: 7 }]);
    await second.stop();
  });

  it('comes back by itself after kill -9 of PostgreSQL, once, for all processes that use it', async () => {
    const service = await start(dataFolder, { takeOver: true });
    const others = [await otherProcess('service'), await otherProcess('command')];
    for (let round = 0; round < 2; round++) {
      const killed = await serverPid();
      process.kill(killed ?? 0, 'SIGKILL');
      await until(async () => ![null, killed].includes(await serverPid()));
      for (const { url } of [service, ...others]) {
        await until(() =>
          query(url, 'select 1').then(
            () => true,
            () => false,
          ),
        );
      }
    }
    // Each process logs that the server is gone; the one that restarts it logs that, too.
    const lines = [...said, ...others.flatMap((other) => other.said)];
    expect(lines.filter((sentence) => sentence === 'PostgreSQL runs again.')).toHaveLength(2);
    for (const other of others) await other.finish();
    await service.stop();
    expect(await serverPid()).toBeNull();
  });

  it('is watched by who adopted it, when who started it is dead', async () => {
    const starter = await otherProcess('service');
    const adopted = await start(dataFolder);
    await starter.kill();
    process.kill((await serverPid()) ?? 0, 'SIGKILL');
    await until(() =>
      query(adopted.url, 'select 1').then(
        () => true,
        () => false,
      ),
    );
    expect(said).toContain('PostgreSQL runs again.');
  });

  it('is tried again for as long as it takes, and stays away once it was left', async () => {
    const service = await start(dataFolder);
    const pid = await serverPid();
    const control = path.join(await clusterOf(dataFolder), 'global/pg_control');
    await rename(control, `${control}.away`);
    process.kill(pid ?? 0, 'SIGKILL');
    await until(() => Promise.resolve(said.filter((sentence) => sentence.endsWith('It is tried again.')).length > 1));
    await rename(`${control}.away`, control);
    await until(() =>
      query(service.url, 'select 1').then(
        () => true,
        () => false,
      ),
    );
    await service.stop();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(await serverPid()).toBeNull();
  });

  it('does not let its log grow for ever', async () => {
    const service = await start(dataFolder);
    const logFile = path.join(dataFolder, 'postgres.log');
    await appendFile(logFile, Buffer.alloc(10_000_001, 'long\n'));
    await until(async () => (await stat(logFile)).size < 1_000_000);
    expect((await stat(`${logFile}.1`)).size).toBeGreaterThan(10_000_000);
    await query(service.url, 'select no_such_column').catch(() => undefined);
    expect(await readFile(logFile, 'utf8')).toMatch(/^[^]{0,500}no_such_column/);
  });

  it('starts although postmaster.pid names a process that is something else by now', async () => {
    const first = await start(dataFolder);
    const pidFile = path.join(await clusterOf(dataFolder), 'postmaster.pid');
    const before = await readFile(pidFile, 'utf8');
    await first.stop();
    const bystander = spawn('sleep', ['60']);
    children.push(bystander);
    await writeFile(pidFile, before.replace(/^\d+/, String(bystander.pid)));
    const second = await start(dataFolder);
    expect(second.adopted).toBe(false);
    await second.stop();
    expect(bystander.exitCode).toBeNull();
  });

  it('does not hear the Ctrl-C of the terminal', async () => {
    const service = await otherProcess('service');
    process.kill(-service.pid, 'SIGINT');
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await query(service.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await service.finish();
    expect(await serverPid()).toBeNull();
  });

  it('comes along when the data folder is moved', async () => {
    const first = await start(dataFolder);
    await query(first.url, `create table kept as select 1 as one`);
    await first.stop();
    await mkdir(path.join(parent, 'elsewhere'));
    dataFolder = path.join(parent, 'elsewhere', 'data');
    await rename(path.join(parent, 'data'), dataFolder);
    const second = await start(dataFolder);
    expect(await query(second.url, 'select * from kept')).toEqual([{ one: 1 }]);
    await second.stop();
  });

  it('says in a sentence why it cannot start', async () => {
    await writeFile(dataFolder, 'a file');
    await expect(start(dataFolder)).rejects.toThrow(
      `PostgreSQL cannot be started in ${dataFolder}: a file is in the way`,
    );
    await rm(dataFolder);
    const bad = start(dataFolder, { settings: { shared_buffers: 'plenty' } });
    await expect(bad).rejects.toThrow(/PostgreSQL could not start: .*shared_buffers.*postgres\.log/);
  });

  (asRoot ? it : it.skip)('as root: keeps its files elsewhere when its user cannot enter the data folder', async () => {
    await chmod(parent, 0o700);
    const first = await start(dataFolder);
    expect(said.join('\n')).toContain(`cannot enter ${dataFolder}: its files are in /var/lib/gatehouse-`);
    expect((await stat(await clusterOf(dataFolder))).uid).not.toBe(0);
    await query(first.url, `create table kept as select 1 as one`);
    await first.stop();
    const second = await start(dataFolder);
    expect(await query(second.url, 'select * from kept')).toEqual([{ one: 1 }]);
    await second.stop();
  });
});
