import { randomUUID } from 'node:crypto';
import { until, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { createLog } from '@gatehouse/service/log';
import { scanned, seen, type SeenPage } from '@gatehouse/test-support/seen-pdf';
import { wireTo } from '@gatehouse/test-support/process';
import { CHUNK_BYTES, type PrintedBatch, type RenderState } from './files';
import type { PageSource } from './pages';
import {
  batchOf,
  bytesOf,
  codeOf,
  ITEM,
  openRenderProcess,
  rendersInTest,
  secretOf,
  sourceInTest,
  WHERE,
  type RenderProcess,
} from './renders-in-test';

let history: HistoryInTest;
let processes: RenderProcess[];
beforeEach(async () => {
  history = await rendersInTest();
  processes = [];
});
afterEach(async () => {
  for (const each of processes) await each.end();
  await history.close();
});

async function open(source: PageSource = sourceInTest): Promise<RenderProcess> {
  const opened = await openRenderProcess(history.url, source);
  processes.push(opened);
  return opened;
}

type Ordered = { readonly batch: PrintedBatch; readonly job: string; readonly file: string };

const order = async (renders: RenderProcess, batch: PrintedBatch, request?: string): Promise<Ordered> => ({
  batch,
  ...(await renders.begin(WHERE, batch, { request })),
});
const stateOf = (renders: RenderProcess, { batch, job, file }: Ordered) => renders.state(WHERE, batch.id, job, file);

async function ended(renders: RenderProcess, ordered: Ordered): Promise<RenderState> {
  let state: RenderState | undefined;
  await until(async () => ['failed', 'succeeded'].includes((state = await stateOf(renders, ordered))?.status ?? ''));
  return state!;
}

async function pdfOf(renders: RenderProcess, ordered: Ordered): Promise<Buffer> {
  const state = await ended(renders, ordered);
  if (state.status !== 'succeeded') throw new Error(JSON.stringify(state));
  return bytesOf(renders, ordered.file, 0, state.file.size);
}

function linesOfLog() {
  const lines: string[] = [];
  return { lines, log: createLog('info', { write: (line) => void lines.push(line) }) };
}

/** Looking at pages keeps this process busy for seconds, which nothing that works in it would stand. */
async function pagesOf(pdf: Buffer, scale: number): Promise<SeenPage[]> {
  for (const each of processes) await each.stop();
  return seen(pdf, scale);
}
async function secretsOf(pdf: Buffer): Promise<(string | null)[]> {
  return (await pagesOf(pdf, 1)).map(({ picture }) => scanned(picture));
}
const secrets = (count: number) => Array.from({ length: count }, (_, n) => secretOf(n));
const sql = async (text: string, values: unknown[] = []) => (await processes[0]!.pool.query(text, values)).rows;

describe('rendering a batch (contract §9.4)', () => {
  test('is waiting until a process renders it, then a PDF with a page for each ticket and its own QR code', async () => {
    const renders = await open();
    const ordered = await order(renders, batchOf(20));
    expect(await stateOf(renders, ordered)).toEqual({ status: 'waiting' });
    renders.start();
    expect(await ended(renders, ordered)).toEqual({
      status: 'succeeded',
      file: {
        name: 'tickets-openair-1000000020.pdf',
        type: 'application/pdf',
        size: expect.any(Number) as number,
        created: expect.stringMatching(/^20.*Z$/) as string,
      },
    });
    const pages = await pagesOf(await pdfOf(renders, ordered), 1);
    expect(pages.map(({ picture }) => scanned(picture))).toEqual(secrets(20));
    for (const [n, { text }] of pages.entries()) {
      for (const word of ['Open Air Demo', '3-day pass', '€149.00', codeOf(n)]) expect(text).toContain(word);
    }
  });

  test('says product, price and names in three scripts, each with the code of its own ticket', async () => {
    const renders = await open();
    renders.start();
    const pages = await pagesOf(await pdfOf(renders, await order(renders, batchOf(3, { layout: 3 }))), 0.2);
    for (const [n, { text }] of pages.entries()) {
      for (const word of [...Object.values(ITEM), '€149.00', codeOf(n)]) expect(text).toContain(word);
    }
  });

  test('two at once by two processes, and two that follow each other in one', async () => {
    const [one, other] = [await open(), await open()];
    one.start();
    const first = await order(one, batchOf(40));
    await until(async () => (await stateOf(one, first))?.status === 'running');
    other.start();
    const second = await order(one, batchOf(10));
    const third = await order(other, batchOf(20));
    const pdfs = [await pdfOf(other, second), await pdfOf(one, third), await pdfOf(one, first)];
    expect(await secretsOf(pdfs[0]!)).toEqual(secrets(10));
    expect(await secretsOf(pdfs[1]!)).toEqual(secrets(20));
    expect(await secretsOf(pdfs[2]!)).toEqual(secrets(40));
  });

  test('a process that stops gives its job back, and another one begins anew', async () => {
    const [one, other] = [await open(), await open()];
    one.start();
    const ordered = await order(one, batchOf(2_500));
    await until(async () => (await sql('select 1 from render_files where drawn > 0')).length > 0);
    await one.stop();
    expect(await stateOf(one, ordered)).toEqual({ status: 'waiting' });
    other.start();
    await ended(one, ordered);
    expect(await sql('select attempt, status from render_files')).toEqual([{ attempt: 2, status: 'succeeded' }]);
  });

  test('a database that goes away meanwhile costs an attempt, not the file', async () => {
    const renders = await open();
    const wire = await wireTo(history.url);
    const behind = await openRenderProcess(wire.url);
    try {
      const { lines, log } = linesOfLog();
      behind.start(log);
      const ordered = await order(renders, batchOf(2_500));
      await until(async () => (await sql('select 1 from render_files where drawn > 0')).length > 0);
      await wire.cut();
      await until(() => lines.length > 0);
      expect((await stateOf(renders, ordered))?.status).toBe('running');
      await wire.mend();
      await sql("update render_files set alive = alive - interval '10 seconds'");
      await ended(renders, ordered);
      expect(await sql('select attempt, status from render_files')).toEqual([{ attempt: 2, status: 'succeeded' }]);
    } finally {
      await behind.end();
      await wire.close();
    }
  });

  test('running says how much is drawn, and 100 only when the file is there', async () => {
    const renders = await open();
    renders.start();
    const ordered = await order(renders, batchOf(3_000));
    const percentages = new Set<number>();
    await until(async () => {
      const state = await stateOf(renders, ordered);
      if (state?.status === 'running') percentages.add(state.percentage);
      return state?.status === 'succeeded';
    });
    const seenPercentages = [...percentages];
    expect(seenPercentages.length).toBeGreaterThan(2);
    expect(seenPercentages).toEqual([...seenPercentages].sort((a, b) => a - b));
    expect(seenPercentages.at(-1)).toBeLessThan(100);
  });

  test('with the same idempotency key it is the same job and file, rendered once', async () => {
    const renders = await open();
    const request = randomUUID();
    const ordered = await order(renders, batchOf(2), request);
    expect(await order(renders, batchOf(2), request)).toEqual(ordered);
    const another = await order(renders, batchOf(2));
    expect(another).not.toEqual(ordered);
    renders.start();
    await ended(renders, ordered);
    expect(await order(renders, batchOf(2), request)).toEqual(ordered);
    await ended(renders, another);
    expect(await sql('select attempt, status from render_files')).toEqual([
      { attempt: 1, status: 'succeeded' },
      { attempt: 1, status: 'succeeded' },
    ]);
  });

  test('another batch, job, file, event, or something that is no UUID is unknown', async () => {
    const renders = await open();
    const { batch, job, file } = await order(renders, batchOf(2));
    expect(await renders.state(WHERE, batch.id, job, file)).toBeDefined();
    expect(await renders.state(WHERE, batch.id, job.toUpperCase(), file)).toBeDefined();
    expect(await renders.state(WHERE, batch.id + 1, job, file)).toBeUndefined();
    expect(await renders.state(WHERE, batch.id, randomUUID(), file)).toBeUndefined();
    expect(await renders.state(WHERE, batch.id, job, randomUUID())).toBeUndefined();
    expect(await renders.state({ ...WHERE, event: 'tours' }, batch.id, job, file)).toBeUndefined();
    expect(await renders.state({ ...WHERE, organizer: 'x' }, batch.id, job, file)).toBeUndefined();
    expect(await renders.state(WHERE, batch.id, 'x', "'; drop table render_files")).toBeUndefined();
  });

  test('any range of bytes is that of the whole file', async () => {
    const renders = await open();
    renders.start();
    const ordered = await order(renders, batchOf(600));
    const whole = await pdfOf(renders, ordered);
    const size = whole.length;
    expect(size).toBeGreaterThan(2 * CHUNK_BYTES);
    const edges = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES, size - 1, size];
    for (const from of edges) {
      for (const to of edges.filter((each) => each >= from)) {
        const part = await bytesOf(renders, ordered.file, from, to);
        expect(part.equals(whole.subarray(from, to))).toBe(true);
      }
    }
    await expect(bytesOf(renders, ordered.file, 0, size + 1)).rejects.toThrow('no such bytes');
    await expect(bytesOf(renders, randomUUID(), 0, 1)).rejects.toThrow('no such bytes');
  });
});

describe('a rendering that fails (contract §9.4)', () => {
  test('says why if that is for people, and is not tried again', async () => {
    const renders = await open();
    renders.start();
    const ordered = await order(renders, batchOf(2, { layout: 99 }));
    const failed = { status: 'failed', message: 'The ticket layout does not exist any more.' };
    expect(await ended(renders, ordered)).toEqual(failed);
    expect(await stateOf(renders, ordered)).toEqual(failed);
    expect(await sql('select attempt from render_files')).toEqual([{ attempt: 1 }]);
  });

  test('is tried again, and in the end an internal error whose reason only the log knows', async () => {
    const { lines, log } = linesOfLog();
    const renders = await open({
      ...sourceInTest,
      tickets: () => Promise.reject(new Error('the moon is in the way')),
    });
    renders.start(log);
    const ordered = await order(renders, batchOf(2));
    await until(async () => {
      // The pauses between tries are pg-boss's business.
      await sql("update sales_jobs.job set start_after = now() - interval '1 second' where state = 'retry'");
      return (await stateOf(renders, ordered))?.status === 'failed';
    });
    expect(await stateOf(renders, ordered)).toEqual({ status: 'failed', message: 'Internal error' });
    expect(await sql('select attempt from render_files')).toEqual([{ attempt: 5 }]);
    expect(lines).toHaveLength(5);
    expect(lines[0]).toContain('the moon is in the way');
  });

  test('does not keep the next one from being rendered', async () => {
    const renders = await open();
    renders.start();
    await order(renders, batchOf(2, { layout: 99 }));
    expect(await secretsOf(await pdfOf(renders, await order(renders, batchOf(5))))).toEqual(secrets(5));
  });

  test('names in the log, once for a file, what the layout has and the pages have not, without secrets', async () => {
    const { lines, log } = linesOfLog();
    const renders = await open();
    renders.start(log);
    await ended(renders, await order(renders, batchOf(70, { layout: 4 })));
    await until(() => lines.length > 0);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0]!)).toMatchObject({
      ...{ level: 40, organizer: 'demo', event: 'openair', batch: 1_000_000_070, layout: 4 },
      omissions: expect.arrayContaining([
        { element: 1, what: '{shoe_size}', why: 'the tickets have no value of this name' },
      ]) as object,
    });
    expect(lines[0]).not.toContain(secretOf(0).slice(0, 20));
  });
});

describe('a file’s 24 hours (contract §9.4)', () => {
  const age = (hours: number) => sql(`update render_files set expires = expires - interval '${hours} hours'`);

  test('after them it is unknown, whatever its state was, and its rows and jobs are deleted', async () => {
    const renders = await open();
    renders.start();
    const succeeded = await order(renders, batchOf(2));
    const failed = await order(renders, batchOf(3, { layout: 99 }));
    await ended(renders, succeeded);
    await ended(renders, failed);
    await renders.stop();
    const waiting = await order(renders, batchOf(4));
    await age(23);
    for (const each of [succeeded, failed, waiting]) expect(await stateOf(renders, each)).toBeDefined();
    await age(1);
    for (const each of [succeeded, failed, waiting]) expect(await stateOf(renders, each)).toBeUndefined();

    const young = await order(renders, batchOf(5));
    await age(1);
    const stopping = new AbortController();
    let rounds = 0;
    const purging = renders.purge({ signal: stopping.signal, onProgress: () => rounds++ });
    await until(() => rounds > 0);
    // Then it sleeps until the next one is due, and an abort wakes it.
    stopping.abort();
    await purging;
    expect(await sql('select id from render_files')).toEqual([{ id: young.file }]);
    expect(await sql('select id from sales_jobs.job')).toEqual([{ id: young.job }]);
    expect(await sql('select count(*)::integer as chunks from render_chunks')).toEqual([{ chunks: 0 }]);
  });

  test('a file that is deleted while it is drawn is drawn no further, and the next one follows', async () => {
    const renders = await open();
    renders.start();
    const ordered = await order(renders, batchOf(10_000));
    await until(async () => (await sql('select 1 from render_chunks')).length > 0);
    await sql('delete from render_files where id = $1', [ordered.file]);
    expect(await secretsOf(await pdfOf(renders, await order(renders, batchOf(5))))).toEqual(secrets(5));
    expect(await sql('select count(distinct file)::integer as files from render_chunks')).toEqual([{ files: 1 }]);
  });
});
