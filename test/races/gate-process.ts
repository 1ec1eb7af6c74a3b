import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { FROM_SOURCES } from '@gatehouse/test-support/sources';

/** Only ends a test that has failed, also on a busy machine. */
const READY_MS = 55_000;
const PROJECT = path.resolve(__dirname, '../..');

/** A check-in process that can be killed, as by a power failure. */
export type GateProcess = {
  readonly url: string;
  /** Resolves when it has ended, by whomever. */
  readonly gone: Promise<void>;
  /** Sends a message to the process. */
  send(message: object): void;
  kill(): Promise<void>;
};

/** Starts the service's own main on an existing database; resolves when it accepts requests. */
export const startGate = (databaseUrl: string): Promise<GateProcess> =>
  startMain('services/checkin/src/main.ts', { DATABASE_URL: databaseUrl });

/** The same for any main, by its path in the project. */
export async function startMain(main: string, settings: Readonly<Record<string, string>>): Promise<GateProcess> {
  const env = {
    PATH: process.env['PATH'],
    PORT: '0',
    LOG_LEVEL: 'info',
    ...settings,
  };
  const child = spawn(process.execPath, [...FROM_SOURCES, path.join(PROJECT, main)], {
    cwd: PROJECT,
    env,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  const tooLate = setTimeout(() => child.kill('SIGKILL'), READY_MS);
  const port = await portOf(child);
  clearTimeout(tooLate);
  const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : Promise.resolve();
  return {
    url: `http://127.0.0.1:${port}`,
    gone: gone.then(() => undefined),
    // One that has just ended hears nothing.
    send: (message) => void child.send(message, () => undefined),
    kill: () => kill(child),
  };
}

async function portOf(child: ChildProcess): Promise<number> {
  // Its output is read to the end: a process whose output is not read would block.
  const lines = createInterface({ input: child.stdout! });
  return new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      if (!line.startsWith('{')) return;
      const { port, message } = JSON.parse(line) as { port?: number; message?: string };
      if (port !== undefined && message === 'ready for requests') resolve(port);
    });
    child.once('exit', (code) => reject(new Error(`the process ended with ${code} before it was ready`)));
  });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
