import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { call, connectRaw } from './testing';

/* An uncaught exception is logged by a running process, which continues. */

const PROJECT = path.resolve(__dirname, '../../..');

/** A process like ours, with handlers that have bugs. It loads the built packages, as node does. */
const MAIN = `
  const { runMain, say } = require('@gatehouse/service/run-main');
  const { createHttp, drain, listen } = require('@gatehouse/service/http');
  const bug = () => { throw new Error('a bug'); };
  runMain(async ({ config, log, atStop }) => {
    const { server } = createHttp({
      config, log, routes: [], credentials: { find: () => 'unknown' }, events: { exists: () => true },
      ready: () => ({ ready: true, reasons: [] }),
      mounts: [(req, res, next) => {
        if (req.url === '/data') req.on('data', bug);
        else if (req.url === '/end') req.on('end', bug).resume();
        else if (req.url === '/gone') req.on('close', bug);
        else if (req.url === '/timer') setTimeout(bug);
        else if (req.url === '/rejection') void Promise.reject(new Error('a bug'));
        else next();
      }],
    });
    const { port } = await listen(server, { port: 0, host: '127.0.0.1' });
    atStop(() => drain(server, 100));
    say('port ' + port);
  });
`;

async function start() {
  const env = { PATH: process.env['PATH'], LOG_LEVEL: 'error' };
  const child = spawn(process.execPath, ['-e', MAIN], { cwd: PROJECT, env });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const exit = once(child, 'exit') as Promise<[number | null]>;
  while (child.exitCode === null && !said.includes('port ')) await new Promise((again) => setTimeout(again, 10));
  const url = `http://127.0.0.1:${/port (\d+)/.exec(said)?.[1] ?? 0}`;
  return { child, exit, url, said: () => said };
}

test('exceptions in callbacks of streams and timers, and rejections, are logged; requests are answered', async () => {
  const { child, exit, url, said } = await start();
  const targets = ['/data', '/end', '/gone', '/timer', '/rejection'];
  for (const [n, target] of targets.entries()) {
    const { socket } = await connectRaw(url, `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}`);
    if (target === '/gone') socket.destroy();
    while (said().split('a bug').length <= n + 1 && child.exitCode === null)
      await new Promise((again) => setTimeout(again, 10));
    expect(await call(url, 'GET', '/healthz')).toMatchObject({ status: 200 });
    socket.destroy();
  }
  child.kill('SIGTERM');
  expect(await exit).toEqual([0, null]);
});
