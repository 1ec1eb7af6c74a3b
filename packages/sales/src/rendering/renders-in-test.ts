import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { EventFact, ItemFact } from '@gatehouse/events/reference';
import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { runEverywhere } from '@gatehouse/eventing/owner';
import { listen, migrate, openRequestPool } from '@gatehouse/eventing/postgres';
import { createLog, type Log } from '@gatehouse/service/log';
import { FROM_SOURCES } from '@gatehouse/test-support/sources';
import type { Pool } from 'pg';
import type { PrintedBatch } from './files';
import type { PrintableTicket } from '../batches/find';
import type { PageSource } from './pages';
import { openRenders, type Rendering } from './renders';

export const WHERE = { organizer: 'demo', event: 'openair' };

/** Names in three scripts. */
export const ITEM = { en: '3-day pass', ru: 'Билет на три дня', zh: '三日通票' };

const fact = { import: 1, hash: '', ...WHERE };
const event = {
  ...fact,
  name: { en: 'Open Air Demo', ru: 'Демо', zh: '露天演示' },
  ...{ has_subevents: false, date_from: '2027-07-16T12:00:00+02:00', date_to: '2027-07-18T21:00:00Z' },
  ...{ date_admission: null, location: null, currency: 'EUR', timezone: 'Europe/Berlin', locale: 'en' },
  ...{ locales: ['en', 'ru', 'zh'], name_scheme: 'full' },
} as unknown as EventFact;
const item = { ...fact, id: 14, name: ITEM, internal_name: null, description: null, category: null, variations: [] };

const AREA = { type: 'textarea', left: '10', width: '80', fontsize: '10', fontfamily: 'Open Sans', align: 'left' };
const CODE = { type: 'barcodearea', left: '20', bottom: '10', size: '60', content: 'secret' };

/** By their ids; 3 asks for other languages than that of the orders, 4 for what there is not. */
const LAYOUTS = new Map<number, unknown>([
  [1, null],
  [
    3,
    [
      CODE,
      { ...AREA, bottom: '120', content: 'itemvar' },
      { ...AREA, bottom: '110', content: 'itemvar', locale: 'ru' },
      { ...AREA, bottom: '100', content: 'itemvar', locale: 'zh' },
      {
        ...AREA,
        bottom: '90',
        content: 'other_i18n',
        text_i18n: { en: '{order} {price}', ru: '{order}' },
        locale: 'ru',
      },
      { ...AREA, bottom: '80', content: 'price' },
    ],
  ],
  [4, [CODE, { ...AREA, bottom: '90', content: 'shoe_size' }]],
]);

/** A batch of so many tickets: the last digits of its job say how many it has. */
export const batchOf = (amount: number, more: Partial<PrintedBatch> = {}): PrintedBatch => ({
  ...{ id: 1_000_000_000 + amount, job: `00000000-0000-4000-8000-${String(amount).padStart(12, '0')}` },
  ...{ layout: 1, subevent: null, item: 14, variation: null, amount },
  ...more,
});

export const secretOf = (n: number): string => `abcdefghjkmnpqrstuvwxyz2${String(n).padStart(8, 'z')}`;
export const codeOf = (n: number): string => `B${String(n).padStart(6, 'Q')}`;

export const sourceInTest: PageSource = {
  catalog: {
    festival: (organizer) =>
      organizer === WHERE.organizer
        ? {
            ...{ key: 'demo/openair', fact: event, dates: new Map(), categories: new Map(), questions: [] },
            items: new Map([[14, item as unknown as ItemFact]]),
            ...{ checkinQuestions: new Map(), quotas: new Map(), quotasOf: new Map() },
          }
        : undefined,
    organizer: () => ({ ...fact, name: 'Demo Society' }),
  },
  tickets(job, from, count) {
    const amount = Number(job.slice(-12));
    const tickets = Array.from({ length: Math.max(0, Math.min(count, amount - from)) }, (_, i): PrintableTicket => ({
      ...{ code: codeOf(from + i), secret: secretOf(from + i), pseudonymization_id: '', price: '149.00' },
      ...{ position: 1_000_000_000 + from + i, locale: 'en' },
    }));
    return Promise.resolve(tickets);
  },
  layout: (_where, id) => Promise.resolve(LAYOUTS.has(id) ? { layout: LAYOUTS.get(id) } : undefined),
};

/** A database with the tables of renderings. */
export async function rendersInTest(): Promise<HistoryInTest> {
  const history = await historyInTest({ context: 'sales' });
  await migrate(history.open().pool, 'sales', path.join(__dirname, '..', '..', 'sql'));
  return history;
}

export type RenderProcess = Rendering & {
  readonly pool: Pool;
  /** Begins to work, as a process with the role `projections`; it does so until it is stopped, whatever happens. */
  start(log?: Log): void;
  stop(): Promise<void>;
  end(): Promise<void>;
};

/** What a process has of renderings. */
export async function openRenderProcess(url: string, source: PageSource = sourceInTest): Promise<RenderProcess> {
  const pool = openRequestPool(url, 'sales', 3);
  const listener = listen(url);
  const renders = await openRenders({ pool, schema: 'sales', listener, source });
  let stopping = new AbortController();
  let working: Promise<void>[] = [];
  const stop = async () => {
    stopping.abort();
    await Promise.all(working);
    working = [];
    stopping = new AbortController();
  };
  return {
    ...renders,
    pool,
    start(log = createLog('silent')) {
      const { signal } = stopping;
      const kept = { name: 'render', topic: 'sales', signal, onHealth: () => undefined, isPoison: () => false };
      working.push(runEverywhere(kept, (owner) => renders.work(owner, log)));
    },
    stop,
    async end() {
      await stop();
      renders.close();
      await listener.close();
      await pool.end();
    },
  };
}

/** All of a file's bytes, as a client reads them. */
export async function bytesOf(renders: Rendering, file: string, from: number, to: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of renders.read(file, from, to)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const PROJECT = path.resolve(__dirname, '../../../..');

/** A process of its own that renders until it is killed, with `loops` of those that each process has one of. */
export type Child = {
  /** The newest line that it wrote. */
  said(): Said | undefined;
  kill(): Promise<void>;
  /** Stops it as a machine does that sleeps, and wakes it. */
  sleep(): void;
  wake(): void;
};

/** Bytes of memory, each the most so far: of the process, and in use on the heap and in buffers of its main thread. */
export type Said = { readonly rss: number; readonly heap: number; readonly buffers: number };

export async function startChild(url: string, loops = 1): Promise<Child> {
  const main = path.join(__dirname, 'render-process-in-test.ts');
  const child = spawn(process.execPath, ['--expose-gc', ...FROM_SOURCES, main, url, String(loops)], {
    cwd: PROJECT,
    env: {},
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said: Said | undefined;
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => (said = JSON.parse(line) as Said));
  await Promise.race([once(lines, 'line'), once(child, 'exit').then(() => Promise.reject(new Error('it ended')))]);
  return {
    said: () => said,
    kill: () => kill(child),
    sleep: () => void child.kill('SIGSTOP'),
    wake: () => void child.kill('SIGCONT'),
  };
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
