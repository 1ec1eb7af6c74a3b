import { mkdirSync } from 'node:fs';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { importFolder, type ImportOptions } from './import';
import type { Report } from './report';
import { exportFolder, referenceStoreAt, type ExportFolder } from './testing';

export const ORDERS = 'events/fest/orders.ndjson';

/** Options of an import that tests choose. */
export type Extra = Partial<Pick<ImportOptions, 'skipInvalid' | 'onProgress' | 'onProblem' | 'store'>>;

/** A folder to import from, and a history of `reference` to import into. */
export type ImportInTest = {
  readonly folder: ExportFolder;
  readonly reference: Pick<ImportOptions, 'store' | 'pool'>;
  run(extra?: Extra): Promise<Report>;
  /** How many events there are. */
  events(): Promise<number>;
  /** What the newest event of a stream says. */
  newest(stream: string): Promise<Record<string, unknown>>;
  /** Writes a small festival: one event with two products, a list, and two orders of one position each. `at` is its organizer's folder. */
  small(at?: string, ids?: number): void;
};

/** Makes folder and history anew before each test of the file that calls this. */
export function importInTest(): ImportInTest {
  const folder = exportFolder();
  let database: TestDatabase;
  let opened: Awaited<ReturnType<typeof referenceStoreAt>>;
  beforeEach(async () => {
    database = await testDatabase();
    opened = await referenceStoreAt(database.url);
    mkdirSync(folder.path, { recursive: true });
  });
  afterEach(async () => {
    folder.drop();
    await opened.close();
    await database.drop();
  });
  const reference = {
    get store() {
      return opened.store;
    },
    get pool() {
      return opened.pool;
    },
  };
  return {
    folder,
    reference,
    run: (extra) => importFolder({ ...reference, folder: folder.path, ...extra }),
    async events() {
      const { rows } = await opened.pool.query<{ count: number }>('select count(*)::int as count from events');
      return rows[0]!.count;
    },
    newest: async (stream) => (await opened.store.load(stream)).at(-1)!.data as Record<string, unknown>,
    small(at = '', ids = 0) {
      const slug = at === '' ? 'demo' : at.slice(0, -1);
      folder.write(`${at}organizer.json`, { slug, name: slug });
      folder.write(`${at}events/fest/event.json`, { slug: 'fest', name: { en: 'Fest' } });
      folder.write(`${at}events/fest/items.json`, [
        { id: ids + 1, name: 'Pass' },
        { id: ids + 2, name: 'Parking' },
      ]);
      folder.write(`${at}events/fest/checkinlists.json`, [{ id: ids + 1, name: 'Gate' }]);
      folder.write(`${at}${ORDERS}`, [order('AAAAA', ids + 1), order('BBBBB', ids + 2)]);
    },
  };
}

/** A position as an export has it. */
export const position = (id: number, more: object = {}) => ({
  id,
  positionid: 1,
  item: id > 100 ? 101 : 1,
  price: '10.00',
  secret: `s${id}`,
  ...more,
});

/** An order of one position as an export has it. */
export const order = (code: string, id: number, more: object = {}) => ({
  code,
  status: 'p',
  datetime: '2026-06-24T04:32:22Z',
  sales_channel: 'web',
  positions: [position(id)],
  ...more,
});
export type Order = ReturnType<typeof order>;
