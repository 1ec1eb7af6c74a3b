import { setTimeout as sleep } from 'node:timers/promises';
import { until, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { placedTexts } from '@gatehouse/test-support/seen-pdf';
import type { PrintedBatch } from './files';
import {
  batchOf,
  bytesOf,
  codeOf,
  openRenderProcess,
  rendersInTest,
  startChild,
  WHERE,
  type Child,
  type RenderProcess,
} from './renders-in-test';

// Several processes start in each test, and ten thousands of pages are drawn.
jest.setTimeout(180_000);

let history: HistoryInTest;
/** Orders and looks, and renders nothing. */
let client: RenderProcess;
let children: Child[];
beforeEach(async () => {
  history = await rendersInTest();
  client = await openRenderProcess(history.url);
  children = [];
});
afterEach(async () => {
  for (const child of children) await child.kill();
  await client.end();
  await history.close();
});

async function child(loops?: number): Promise<Child> {
  const started = await startChild(history.url, loops);
  children.push(started);
  return started;
}

const order = (batch: PrintedBatch) => client.begin(WHERE, batch, {});
async function row(file: string) {
  const { rows } = await client.pool.query<{ status: string; attempt: number; drawn: number; size: string | null }>(
    'select status, attempt, drawn, size from render_files where id = $1',
    [file],
  );
  return rows[0]!;
}
/** As after the time in which a process may be silent. */
const forgetSigns = () => client.pool.query("update render_files set alive = alive - interval '10 seconds'");

async function expectWhole(file: string, amount: number): Promise<void> {
  await until(async () => (await row(file)).status === 'succeeded');
  const { size, attempt } = await row(file);
  const pdf = await bytesOf(client, file, 0, Number(size));
  const known = new Set(Array.from({ length: amount }, (_, n) => codeOf(n)));
  const codes = placedTexts(pdf).flatMap(({ text }) => (known.has(text) ? [text] : []));
  expect(codes).toEqual([...known]);
  const chunks = await client.pool.query<{ attempt: number }>('select attempt from render_chunks where file = $1', [
    file,
  ]);
  expect(new Set(chunks.rows.map((each) => each.attempt))).toEqual(new Set([attempt]));
}

describe('kill -9 of the process that renders (issue 13)', () => {
  test('another one begins anew without being told, and the file is whole', async () => {
    const one = await child();
    const { file } = await order(batchOf(3_000));
    await until(async () => (await row(file)).drawn > 500);
    await child();
    await one.kill();
    await expectWhole(file, 3_000);
    expect(await row(file)).toMatchObject({ attempt: 2 });
  });

  test('again and again, early and late: the last one finishes it, and nothing of the others is left', async () => {
    const { file } = await order(batchOf(3_000));
    for (const least of [0, 1, 1_500]) {
      const doomed = await child();
      await until(async () => {
        await hurry();
        const { status, drawn } = await row(file);
        return status === 'running' && drawn >= least;
      });
      await doomed.kill();
      expect(await row(file)).toMatchObject({ status: 'running' });
      await forgetSigns();
    }
    await child();
    await hurry();
    await expectWhole(file, 3_000);
    expect((await row(file)).attempt).toBe(4);
  });

  test('a job that kills each of its processes fails in the end, and holds up no other', async () => {
    const { job, file } = await order(batchOf(9_000));
    for (let attempt = 1; attempt <= 5; attempt++) {
      const doomed = await child();
      await until(async () => {
        await hurry();
        const { rows } = await client.pool.query('select 1 from render_files where attempt = $1', [attempt]);
        return rows.length > 0;
      });
      await doomed.kill();
      await forgetSigns();
    }
    const next = await order(batchOf(10));
    await child();
    await expectWhole(next.file, 10);
    expect(await client.state(WHERE, batchOf(9_000).id, job, file)).toEqual({
      ...{ status: 'failed', message: 'Internal error' },
    });
  });

  test('one that was asleep meanwhile writes nothing any more', async () => {
    const sleeper = await child();
    const { file } = await order(batchOf(3_000));
    await until(async () => (await row(file)).drawn > 500);
    sleeper.sleep();
    await forgetSigns();
    await child();
    await until(async () => (await row(file)).attempt === 2 && (await row(file)).drawn > 500);
    sleeper.wake();
    // It finds out, and renders the next one.
    await expectWhole(file, 3_000);
    const [one, other] = [await order(batchOf(600)), await order(batchOf(600))];
    await expectWhole(one.file, 600);
    await expectWhole(other.file, 600);
    await expectWhole(file, 3_000);
  });
});

/** Ends the pauses between tries, which are pg-boss's business. */
const hurry = () =>
  client.pool.query("update sales_jobs.job set start_after = now() - interval '1 second' where state = 'retry'");

const MB = 1024 * 1024;

test('three times 10,000 tickets at once: a few chunks and three threads are in memory, never a file (issue 13)', async () => {
  const renderer = await child(3);
  const before = renderer.said()!;
  const files = [];
  for (let i = 0; i < 3; i++) files.push(await order(batchOf(10_000)));
  for (const { file } of files) while ((await row(file)).status !== 'succeeded') await sleep(50);
  const after = renderer.said()!;

  const { size } = await row(files[0]!.file);
  expect(Number(size)).toBeGreaterThan(15 * MB);
  // What the process's own heap and buffers take: in each, less than one of the three files.
  expect(after.heap).toBeLessThan(100 * MB);
  expect(after.buffers - before.buffers).toBeLessThan(15 * MB);
  // With the threads, each of which has a heap of its own.
  expect(after.rss - before.rss).toBeLessThan(3 * 250 * MB);
});
