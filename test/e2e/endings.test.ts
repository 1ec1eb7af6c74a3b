import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runningPostmaster } from '@gatehouse/embedded-postgres/postmaster';
import { FROM_SOURCES } from '@gatehouse/test-support/sources';

/*
 * However a process with the embedded PostgreSQL ends, even by a closed terminal, it stops in order and leaves no server
 * running.
 */

const PROJECT = path.resolve(__dirname, '../..');
let dataFolder: string;

beforeAll(async () => {
  dataFolder = await mkdtemp(path.join(tmpdir(), 'gatehouse-endings-'));
  // PostgreSQL does not run as root: its user must be able to enter.
  await chmod(dataFolder, 0o755);
});
afterEach(async () => {
  const left = await server();
  if (left) process.kill(left.pid, 'SIGQUIT');
});
afterAll(() => rm(dataFolder, { recursive: true, force: true, maxRetries: 10 }));

async function server() {
  const text = await readFile(path.join(dataFolder, 'postgres.json'), 'utf8').catch(() => '{"cluster":"postgres"}');
  return runningPostmaster(path.resolve(dataFolder, (JSON.parse(text) as { cluster: string }).cluster));
}

/** Runs a main from its sources, ends it by a signal at a certain point, and returns its exit code. */
async function ended(
  main: string[],
  { by, when, env = {} }: { by: NodeJS.Signals; when: (said: string) => boolean | Promise<boolean>; env?: object },
): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [...FROM_SOURCES, ...main], {
    cwd: PROJECT,
    env: {
      PATH: process.env['PATH'],
      GATEHOUSE_DATA: dataFolder,
      GATEHOUSE_DEMO: 'off',
      PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (text: Buffer) => (said += text.toString()));
  const closed = once(child, 'close') as Promise<[number | null]>;
  while (child.exitCode === null && !(await when(said))) await sleep(20);
  child.kill(by);
  const [code] = await closed;
  return { code, said };
}

const isReady = (said: string) => said.includes('ready for requests');

it.each(['SIGHUP', 'SIGTERM', 'SIGINT'] as const)('all in one process, by %s', async (by) => {
  const { code, said } = await ended(['services/all-in-one/src/main.ts'], { by, when: isReady });
  expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('Stopping') });
  expect(await server()).toBeNull();
});

it('the gateway, by SIGHUP', async () => {
  const env = { CHECKIN_URLS: 'http://127.0.0.1:1' };
  const { code, said } = await ended(['services/gateway/src/main.ts'], { by: 'SIGHUP', when: isReady, env });
  expect({ code, said }).toMatchObject({ code: 0 });
});

it.each(['SIGHUP', 'SIGTERM', 'SIGINT'] as const)('a command that follows, by %s', async (by) => {
  const follow = ['services/cli/src/main.ts', 'events', '--follow'];
  const when = async () => (await server())?.status === 'ready';
  const { said } = await ended(follow, { by, when });
  expect(said).not.toMatch(/^ +at /m);
  expect(await server()).toBeNull();
});
