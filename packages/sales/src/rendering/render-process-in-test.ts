import { createLog } from '@gatehouse/service/log';
import { openRenderProcess, type Said } from './renders-in-test';

/* A process that renders: `node --expose-gc render-process-in-test.ts <database> <loops>`. Says on its output what memory it needs. */

const [, , url = '', loops = '1'] = process.argv;
const SAMPLE_MS = 250;

async function main(): Promise<void> {
  const renders = await openRenderProcess(url);
  for (let i = 0; i < Number(loops); i++) renders.start(createLog('silent'));
  let most: Said = { rss: 0, heap: 0, buffers: 0 };
  const say = () => {
    const { rss } = process.memoryUsage();
    // Only what is still in use counts.
    globalThis.gc?.();
    const { heapUsed, external } = process.memoryUsage();
    most = {
      rss: Math.max(most.rss, rss),
      heap: Math.max(most.heap, heapUsed),
      buffers: Math.max(most.buffers, external),
    };
    process.stdout.write(`${JSON.stringify(most)}\n`);
  };
  say();
  setInterval(say, SAMPLE_MS);
}

void main();
