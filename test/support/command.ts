import { spawn } from 'node:child_process';
import path from 'node:path';

const PROJECT = path.resolve(__dirname, '../..');

export type Ran = { readonly code: number | null; readonly out: string; readonly err: string };

/** Runs a command of `npm run gatehouse` in its own process with these settings only. */
export function gatehouse(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, ['--import', 'tsx', path.join(PROJECT, 'services/cli/src/main.ts'), ...args], {
    cwd: PROJECT,
    env: { PATH: process.env['PATH'], TSX_TSCONFIG_PATH: path.join(PROJECT, 'tsconfig.check.json'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ran = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (ran.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (ran.err += text));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, ...ran })));
}
