import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../packages/embedded-postgres/src/free-port';
import { identity, serverUser } from '../../packages/embedded-postgres/src/server-user';

/** Why pgbouncer cannot be used; null when it is installed. */
export function whyNoPgbouncer(): string | null {
  return spawnSync('pgbouncer', ['--version']).status === 0 ? null : 'pgbouncer is not installed';
}

export type Pgbouncer = { readonly url: string; stop(): Promise<void> };

/** A pgbouncer in front of a database, with its defaults except for the pool mode and `settings`. */
export async function pgbouncer(
  databaseUrl: string,
  mode: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<Pgbouncer> {
  const { hostname, port, username, password, pathname } = new URL(databaseUrl);
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-pgbouncer-'));
  const own = await freePort(0);
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: String(own),
    unix_socket_dir: '',
    auth_type: 'plain',
    auth_file: path.join(folder, 'users'),
    pool_mode: mode,
    ...settings,
  };
  await writeFile(
    path.join(folder, 'ini'),
    `[databases]\n* = host=${hostname} port=${port}\n[pgbouncer]\n${Object.entries(all)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')}`,
  );
  await writeFile(path.join(folder, 'users'), `"${username}" "${decodeURIComponent(password)}"\n`);
  await chmod(folder, 0o755);
  // pgbouncer, like PostgreSQL, does not run as root.
  const child = spawn('pgbouncer', [path.join(folder, 'ini')], {
    stdio: 'ignore',
    ...identity(await serverUser(null)),
  });
  while (!(await answers(own))) await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    url: `postgresql://${username}:${password}@127.0.0.1:${own}${pathname}`,
    async stop() {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
      await rm(folder, { recursive: true });
    },
  };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
