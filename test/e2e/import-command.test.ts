import path from 'node:path';
import { exportFolder, type ExportFolder } from '@gatehouse/reference/testing';
import { gatehouse, type Ran } from '@gatehouse/test-support/command';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { Client } from 'pg';

/* The output of an import for a person, without a terminal. */

const REAL = path.resolve(__dirname, '../fixtures/pretix-export');

let database: TestDatabase;
let client: Client;
let folder: ExportFolder;
beforeAll(async () => {
  database = await testDatabase();
  client = new Client(database.url);
  await client.connect();
  folder = exportFolder(REAL);
});
afterAll(async () => {
  folder.drop();
  await client.end();
  await database.drop();
});

const run = (...flags: string[]): Promise<Ran> =>
  gatehouse({ DATABASE_URL: database.url }, 'import', `${folder.path}/`, '--no-wait', ...flags);
const events = async () => {
  const { rows } = await client.query<{ count: number }>('select count(*)::int as count from reference.events');
  return rows[0]!.count;
};

test('what will not be enforced is said with numbers, and failures are sentences', async () => {
  const first = await run();
  expect(first).toMatchObject({ code: 0, err: '' });
  expect(first.out).toContain('What Gatehouse will not enforce:\n       2 questions limit their answers\n');
  expect(first.out).toContain('      39 refused scans in checkins.json were not imported\n');

  const before = await events();
  const orders = 'events/openair/orders.ndjson';
  folder.edit<object[]>(orders, (all) => [...all, { ...all[0], code: '' }]);
  expect(await run()).toMatchObject({
    code: 1,
    out: '',
    err: `${orders}:301 code: may not be blank\n1 problem in the export; nothing was imported. --skip-invalid imports the rest.\n`,
  });

  // A truncated file cannot be left out.
  const items = JSON.stringify(folder.read('events/openair/items.json'));
  folder.write('events/openair/items.json', items.slice(0, 500));
  const cut = await run('--skip-invalid');
  expect(cut).toMatchObject({ code: 1, out: '' });
  expect(cut.err).toMatch(/^events\/openair\/items\.json: is cut off: it ends in the middle of a list\n1 problem/);
  expect(await events()).toBe(before);
  folder.write('events/openair/items.json', items);

  // The store fails while the import is writing.
  folder.edit<{ email: string }[]>(orders, (all) =>
    all.slice(0, -1).map((order) => ({ ...order, email: 'new@x.org' })),
  );
  await client.query(`
    create function reference.refuse() returns trigger language plpgsql as $$ begin raise exception 'out of luck'; end $$;
    create trigger refuse before insert on reference.events for each row when (new.stream like 'order-%')
      execute function reference.refuse()`);
  const failed = await run();
  expect(failed.code).toBe(1);
  expect(failed.err).toBe(
    'The import stopped while it was writing: out of luck. What is written stays; run it again, and it goes on from there.\n',
  );
  await client.query('drop trigger refuse on reference.events');
  expect(await run()).toMatchObject({ code: 0, err: '' });
}, 180_000);
