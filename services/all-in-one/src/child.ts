import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { urlOf } from '@gatehouse/service/address';
import { environmentOf, type Config } from '@gatehouse/service/config';
import { CannotStart, say } from '@gatehouse/service/run-main';

/** A process of the split system, restarted when it ends by itself. */
export type Child = {
  readonly name: string;
  readonly url: string;
  ready(): Promise<void>;
  stop(): Promise<void>;
};

const READY_MS = 60_000;
const RESTART_MS = 1_000;
/** A little more than a process allows itself. */
const STOP_MS = 27_000;

type Start = {
  readonly main: string;
  readonly config: Config;
  /** Called whenever it was started, with its process id. */
  readonly onStart: (pid: number | undefined) => void;
};

/**
 * Starts the built `main` with these settings. It has its own session, so Ctrl-C reaches only the launcher, which stops its
 * processes in order.
 */
export function startChild(name: string, { main, config, onStart }: Start): Child {
  const url = urlOf(config.host, config.port);
  let child: ChildProcess;
  let stopping = false;
  let restart: NodeJS.Timeout | undefined;
  const start = () => {
    child = spawn(process.execPath, [...process.execArgv, main], {
      env: environmentOf(config),
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    onStart(child.pid);
    child.once('exit', (code, signal) => {
      if (stopping) return;
      say(`${name} ended (${signal ?? `exit code ${code}`}) and is started again.`);
      restart = setTimeout(start, RESTART_MS);
    });
  };
  start();
  return {
    name,
    url,
    async ready() {
      for (const until = Date.now() + READY_MS; Date.now() < until; await sleep(100)) if (await isReady(url)) return;
      throw new CannotStart(`${name} is not ready after ${READY_MS / 1_000} seconds; its words are above.`);
    },
    async stop() {
      stopping = true;
      clearTimeout(restart);
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      const tooLong = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
      await gone;
      clearTimeout(tooLong);
    },
  };
}

/** Ends processes of a killed launcher, which would continue as unmanaged replicas. Only if /proc shows what they are. */
export async function endLeftovers(pids: readonly number[], folder: string): Promise<void> {
  for (const pid of pids) {
    const isOurs = async () => (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).includes(folder);
    if (!(await isOurs())) continue;
    process.kill(pid, 'SIGTERM');
    for (const until = Date.now() + STOP_MS; (await isOurs()) && Date.now() < until;) await sleep(50);
    if (await isOurs()) process.kill(pid, 'SIGKILL');
  }
}

function isReady(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get(`${url}/readyz`, { agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('error', () => resolve(false));
  });
}
