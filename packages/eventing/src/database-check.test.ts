import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { testDatabase, type TestDatabase } from '../../../test/support/postgres';
import { pgbouncer, whyNoPgbouncer } from '../../../test/support/pgbouncer';
import { checkDatabase } from './database-check';

let database: TestDatabase;
/** No superuser, for whom limits do not apply. */
let url: string;
const role = `check_${randomBytes(6).toString('hex')}`;

beforeAll(async () => {
  database = await testDatabase();
  await as(database.url, `create role ${role} login password 'it''s'`);
  await as(database.url, `grant create on database "${nameOf(database.url)}" to ${role}`);
  url = forRole(database.url);
});
afterAll(async () => {
  await as(database.url, `drop owned by ${role}`);
  await database.drop();
  await as(serverUrl(database.url), `drop role ${role}`);
});

const nameOf = (at: string) => new URL(at).pathname.slice(1);

function serverUrl(at: string): string {
  const server = new URL(at);
  server.pathname = '/postgres';
  return server.href;
}

function forRole(at: string): string {
  const other = new URL(at);
  other.username = role;
  other.password = "it's";
  return other.href;
}

async function as(at: string, sql: string): Promise<void> {
  const client = new Client(at);
  await client.connect();
  await client.query(sql).finally(() => client.end());
}

async function sentence(at: string, connections = 5): Promise<string> {
  return checkDatabase(at, connections).then(
    () => 'usable',
    (error: Error) => `${error.name}: ${error.message}`,
  );
}

it('takes a database that can be used', async () => {
  expect(await sentence(url)).toBe('usable');
});

it('says what is wrong and what to do, without the password', async () => {
  const missing = new URL(url);
  missing.pathname = '/never_made';
  expect(await sentence(missing.href)).toMatch(
    /^UnusableDatabase: The database never_made \(check_.* cannot be used: there is no such database; create it/,
  );
  const wrong = new URL(url);
  wrong.password = 'secret';
  const refused = await sentence(wrong.href);
  expect(refused).toContain('does not let us in');
  expect(refused).not.toContain('secret');
  expect(await sentence('postgresql://x@127.0.0.1:1/x')).toMatch(/no connection can be made \(.*ECONNREFUSED/);
  expect(await sentence(`${url}?sslmode=require`)).toContain('no secured connection can be made');
});

it('refuses an encoding that does not hold every name', async () => {
  const latin = `${nameOf(url)}_latin1`;
  await as(
    database.url,
    `create database "${latin}" encoding 'LATIN1' locale_provider libc locale 'C' template template0`,
  );
  try {
    const at = new URL(database.url);
    at.pathname = `/${latin}`;
    expect(await sentence(at.href)).toContain(
      "its encoding is LATIN1, which does not hold every name; make another one: create database … encoding 'UTF8'",
    );
  } finally {
    await as(database.url, `drop database "${latin}"`);
  }
});

it('refuses a role that may not create schemas', async () => {
  await as(database.url, `revoke create on database "${nameOf(url)}" from ${role}`);
  expect(await sentence(url)).toContain(
    `the role ${role} may not create schemas in it; let its owner say: grant create`,
  );
  await as(database.url, `grant create on database "${nameOf(url)}" to ${role}`);
});

it('refuses pg_trgm where nobody looks for it', async () => {
  await as(database.url, 'create schema elsewhere; create extension pg_trgm with schema elsewhere');
  expect(await sentence(url)).toContain('pg_trgm is in the schema elsewhere');
  await as(database.url, 'drop schema elsewhere cascade');
});

it('counts the connections that are free', async () => {
  await as(database.url, `alter role ${role} connection limit 6`);
  expect(await sentence(url, 6)).toBe('usable');
  expect(await sentence(url, 7)).toMatch(
    /this process needs 7 connections, and 6 of 6 are free; raise the limit by at least 1 \(max_connections/,
  );
  await as(database.url, `alter role ${role} connection limit 1`);
  expect(await sentence(url)).toMatch(/takes no more connections .* raise max_connections/);
  await as(database.url, `alter role ${role} connection limit -1`);
});

const noPooler = whyNoPgbouncer();
if (noPooler !== null) process.stdout.write(`Poolers are not tried: ${noPooler}\n`);
(noPooler === null ? describe : describe.skip)('behind pgbouncer', () => {
  it.each(['transaction', 'statement'])('refuses the pool mode %s', async (mode) => {
    const pooler = await pgbouncer(database.url, mode);
    expect(await sentence(pooler.url)).toContain('set pool_mode = session in pgbouncer');
    await pooler.stop();
  });

  it('takes the pool mode session', async () => {
    const pooler = await pgbouncer(database.url, 'session');
    expect(await sentence(pooler.url)).toBe('usable');
    await pooler.stop();
  });
});
