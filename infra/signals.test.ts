import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

it('hears a Ctrl-C once, though npm passes it on as well, and the next Ctrl-C again', async () => {
  const program = `
    const { ignoreRepeatedSignals } = await import(${JSON.stringify(path.join(__dirname, 'signals.mjs'))});
    ignoreRepeatedSignals();
    let heard = 0;
    process.on('SIGINT', () => heard++);
    process.on('SIGTERM', () => { console.log(heard); process.exit(0); });
    setInterval(() => undefined, 1000);
    console.log('ready');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next();
  child.kill('SIGINT');
  await sleep(50);
  child.kill('SIGINT');
  await sleep(1000);
  child.kill('SIGINT');
  await sleep(50);
  child.kill('SIGTERM');
  expect((await lines.next()).value).toBe('2');
});
