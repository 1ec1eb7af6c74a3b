import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_STORE_SQL, migrate, openPool } from '@gatehouse/eventing/postgres';
import { readConfig } from '@gatehouse/service/config';
import { createLog } from '@gatehouse/service/log';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { FROM_SOURCES } from '@gatehouse/test-support/sources';
import type { Pool } from 'pg';
import { loadDemo } from './load-demo';

let database: TestDatabase;
let pool: Pool;
let dataFolder: string;
const logged: string[] = [];
const log = createLog('info', { write: (line) => void logged.push(line) });

beforeEach(async () => {
  logged.length = 0;
  database = await testDatabase();
  pool = openPool(database.url, 'reference', 1);
  await migrate(pool, 'reference', EVENT_STORE_SQL);
  dataFolder = await mkdtemp(path.join(tmpdir(), 'gatehouse-load-demo-'));
});
afterEach(async () => {
  await pool.end();
  await database.drop();
  await rm(dataFolder, { recursive: true, force: true });
});

const load = (folder = dataFolder) =>
  loadDemo({ config: readConfig({ DATABASE_URL: database.url, GATEHOUSE_DATA: folder }), log }, database.url);

/** The stated facts, without what differs between installations. */
async function stated(): Promise<unknown> {
  const { rows } = await pool.query<{ kind: string; n: number }>(
    `select split_part(stream, '-', 1) as kind, count(*)::integer as n from events group by 1 order by 1`,
  );
  return rows;
}

it('is imported into an empty installation once, and named again afterwards', async () => {
  const first = await load();
  const before = await stated();
  expect(first).toMatchObject({ event: 'summer-nights' });
  expect(await load()).toEqual(first);
  expect(await stated()).toEqual(before);
});

it('finishes at the next start what was killed at the first', async () => {
  const whole = await load().then(stated);
  await pool.query('truncate events');
  await rm(path.join(dataFolder, 'demo'), { recursive: true });
  // Slows the import down, so that it can be killed.
  await pool.query(
    `create function slowly() returns trigger language plpgsql as 'begin perform pg_sleep(0.2); return null; end'`,
  );
  await pool.query('create trigger slowly before insert on events for each statement execute function slowly()');
  const PROJECT = path.resolve(__dirname, '../../..');
  const killed = spawn(process.execPath, [...FROM_SOURCES, path.join(__dirname, 'main.ts')], {
    cwd: PROJECT,
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.url,
      GATEHOUSE_DATA: dataFolder,
      PORT: '0',
    },
    stdio: 'ignore',
  });
  for (let n = 0; n < 300; await sleep(10)) {
    const { rows } = await pool.query<{ n: number }>('select count(*)::integer as n from events');
    n = rows[0]!.n;
  }
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  await pool.query('drop trigger slowly on events');
  expect(await stated()).not.toEqual(whole);
  expect(await load()).toMatchObject({ event: 'summer-nights' });
  expect(await stated()).toEqual(whole);
});

it('is there for both of two first starts at once', async () => {
  const [one, other] = await Promise.all([load(), load()]);
  expect(one).toMatchObject({ event: 'summer-nights' });
  expect(other).toEqual(one);
  expect(logged.join('')).not.toContain('could not be imported');
});

it('names no token that lets nobody in', async () => {
  await load();
  const elsewhere = await mkdtemp(path.join(tmpdir(), 'gatehouse-load-demo-'));
  expect(await load(elsewhere)).toBeUndefined();
  expect(logged.join('')).toContain('other credentials than those of this data folder');
  await rm(elsewhere, { recursive: true });
});

it('leaves an installation alone that has something of its own', async () => {
  await pool.query(
    `insert into events (id, stream, revision, type, version, data, time, actor)
     values (gen_random_uuid(), 'imports', 0, 'ImportStarted', 1, '{"import":1,"folder":"/exports/mine"}', now(), 'import:1')`,
  );
  expect(await load()).toBeUndefined();
  expect(await stated()).toEqual([{ kind: 'imports', n: 1 }]);
});

it('does not end a process that is ready', async () => {
  await writeFile(path.join(dataFolder, 'demo'), 'a file');
  const file = path.join(dataFolder, 'demo');
  expect(await load(file)).toBeUndefined();
  expect(logged.join('')).toContain('the demo festival could not be imported; GATEHOUSE_DEMO=off does without it');
});
