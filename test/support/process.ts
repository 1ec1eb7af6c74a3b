import { createLog } from '@gatehouse/service/log';
import { readConfig } from '@gatehouse/service/config';
import { run, type Service } from '@gatehouse/service/run';
import { call, type Answer, type Ask } from '@gatehouse/service/testing';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** A further process on an existing database: a replica, or the same one after a restart. */
export type Process = {
  readonly url: string;
  call(method: string, target: string, ask?: Ask): Promise<Answer>;
  close(): Promise<void>;
};

/** `at`: the database, or the settings of a system on other backends. */
export async function startProcess(
  services: readonly Service<unknown>[],
  at: string | Readonly<Record<string, string>>,
): Promise<Process> {
  const env = typeof at === 'string' ? { DATABASE_URL: at } : at;
  const config = readConfig({ PORT: '0', LOG_LEVEL: 'fatal', ...env });
  const running = await run(services, { config, log: createLog(config.logLevel), databaseUrl: config.databaseUrl });
  const url = `http://127.0.0.1:${running.port}`;
  return { url, call: (method, target, ask) => call(url, method, target, ask), close: () => running.close() };
}

/** Repeats a request until it gets the wanted status. Its limit only ends a test that has failed, also on a busy machine. */
export async function untilStatus(wanted: number, ask: () => Promise<Answer>): Promise<Answer> {
  const end = performance.now() + 50_000;
  for (;;) {
    const answer = await ask();
    if (answer.status === wanted) return answer;
    if (performance.now() > end) throw new Error(`still ${answer.status} after 50 seconds: ${answer.text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A proxy in front of a database that can be cut. */
export type Wire = {
  readonly url: string;
  /** Closes all connections and refuses new ones, like a database that is down. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  /** Drops all data in both directions without an error, like a broken network; `false` ends it. */
  mute(on: boolean): void;
  close(): Promise<void>;
};

export async function wireTo(databaseUrl: string): Promise<Wire> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let muted = false;
  const server = createServer((client) => {
    const database = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, database],
      [database, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => void (muted || to.write(bytes)));
      from.on('error', () => undefined);
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  const listenAt = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listenAt(0);
  const { port } = server.address() as AddressInfo;
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${port}`;
  const destroyAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  const stop = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      destroyAll();
    });
  return {
    url: url.href,
    cut: stop,
    mend: () => listenAt(port),
    mute(on) {
      muted = on;
      // The dropped data are lost, so these connections cannot be used any more.
      if (!on) destroyAll();
    },
    close: () => (server.listening ? stop() : Promise.resolve()),
  };
}
