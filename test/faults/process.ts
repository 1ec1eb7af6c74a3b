import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { freePort } from '@gatehouse/embedded-postgres/free-port';
import { environmentOf, type Config } from '@gatehouse/service/config';
import { call } from '@gatehouse/service/testing';
import { FROM_SOURCES } from '@gatehouse/test-support/sources';

const PROJECT = path.resolve(__dirname, '../..');
const READY_MS = 60_000;

/** A process of the split system. It keeps its address over restarts. */
export type ServiceProcess = {
  readonly name: string;
  readonly url: string;
  pid(): number;
  /** Starts it; resolves when it is ready. */
  start(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
  /** Stops it in order; returns its exit code. */
  stop(): Promise<number | null>;
};

export type ServiceSettings = { readonly service: string; readonly config: Config; readonly logFile: string };

/** Not started yet. Runs the service's own main from its sources, so nothing needs to be built. */
export async function serviceProcess(name: string, settings: ServiceSettings): Promise<ServiceProcess> {
  const { service, config, logFile } = settings;
  const port = await freePort(0);
  const url = `http://127.0.0.1:${port}`;
  const main = path.join(PROJECT, 'services', service, 'src', 'main.ts');
  let child: ChildProcess | undefined;

  async function end(signal: NodeJS.Signals): Promise<number | null> {
    const ending = child;
    child = undefined;
    if (!ending || ending.exitCode !== null || ending.signalCode !== null) return ending?.exitCode ?? null;
    const gone = once(ending, 'exit');
    ending.kill(signal);
    const [code] = (await gone) as [number | null];
    return code;
  }

  return {
    name,
    url,
    pid: () => child!.pid!,
    async start() {
      const log = await open(logFile, 'a');
      const env = environmentOf(
        { ...config, port, host: '127.0.0.1', logLevel: 'warn' },
        { PATH: process.env['PATH'] },
      );
      const started = spawn(process.execPath, [...FROM_SOURCES, main], {
        cwd: PROJECT,
        env,
        stdio: ['ignore', log.fd, log.fd],
      });
      child = started;
      await log.close();
      for (const until = Date.now() + READY_MS; ; await new Promise((again) => setTimeout(again, 50))) {
        // Killed again before it was ready.
        if (child !== started) return;
        if (started.exitCode !== null) throw new Error(`${name} ended with ${started.exitCode}; ${logFile} says why`);
        const answer = await call(url, 'GET', '/readyz').catch(() => undefined);
        if (answer?.status === 200) return;
        if (Date.now() > until) throw new Error(`${name} is not ready: ${answer?.text ?? 'no answer'}; see ${logFile}`);
      }
    },
    kill: async () => void (await end('SIGKILL')),
    stop: () => end('SIGTERM'),
  };
}
