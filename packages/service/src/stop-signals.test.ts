import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { FROM_SOURCES } from '@gatehouse/test-support/sources';

/** Prints a line for each stop and continues. */
async function program() {
  const module = JSON.stringify(path.join(__dirname, 'stop-signals.ts'));
  const text = `const { onStop } = require(${module}); onStop((signal) => console.log(signal)); setInterval(() => undefined, 1000); console.log('ready');`;
  const child = spawn(process.execPath, [...FROM_SOURCES, '-e', text], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  await once(output, 'line');
  output.on('line', (line) => lines.push(line));
  return { child, lines, ended: once(child, 'exit') as Promise<[number | null]> };
}

it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('hears %s once, though it comes twice', async (signal) => {
  const { child, lines, ended } = await program();
  child.kill(signal);
  while (lines.length === 0) await sleep(10);
  child.kill(signal);
  await sleep(200);
  expect(lines).toEqual([signal]);
  expect(child.exitCode).toBeNull();
  child.kill('SIGKILL');
  await ended;
});

it('ends at once for who asks again later, which a terminal that was closed does not', async () => {
  const { child, lines, ended } = await program();
  child.kill('SIGINT');
  while (lines.length === 0) await sleep(10);
  await sleep(2_200);
  child.kill('SIGHUP');
  await sleep(200);
  expect(child.exitCode).toBeNull();
  child.kill('SIGINT');
  expect(await ended).toEqual([130, null]);
});
