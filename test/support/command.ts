import { spawn } from 'node:child_process';
import path from 'node:path';
import { FROM_SOURCES } from './sources';

const PROJECT = path.resolve(__dirname, '../..');

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** Runs a command of `npm run gatehouse` in its own process with these settings only. */
export const gatehouse = (env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> =>
  startGatehouse(env, ...args).ended;

/** The same, and what ends it with a signal. */
export function startGatehouse(
  env: Readonly<Record<string, string>>,
  ...args: readonly string[]
): { readonly ended: Promise<Ran>; kill(signal: NodeJS.Signals): void } {
  const child = spawn(process.execPath, [...FROM_SOURCES, path.join(PROJECT, 'services/cli/src/main.ts'), ...args], {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ran = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ran.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ran.err += text));
  const ended = new Promise<Ran>((resolve) => child.on('close', (code) => resolve({ code, ...ran })));
  return { ended, kill: (signal) => void child.kill(signal) };
}
