import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** A database for one test only. */
export type TestDatabase = { readonly url: string; drop(): Promise<void> };

/**
 * A new database, empty or cloned from a template of `ensureTemplate`. Databases that are not dropped are dropped at the
 * end of the run.
 */
export async function testDatabase({ template }: { template?: string } = {}): Promise<TestDatabase> {
  const name = `${run()}_${randomBytes(6).toString('hex')}`;
  const from = template === undefined ? '' : `template ${quoted(templateName(template))}`;
  await onServer((client) => client.query(`create database ${quoted(name)} ${from}`));
  return {
    url: urlOf(name),
    drop: () => onServer((client) => client.query(`drop database if exists ${quoted(name)} with (force)`)),
  };
}

/**
 * Prepares a template once per jest run, in the first worker that needs it; the others wait. `prepare` gets the URL of an
 * empty database and must have closed its connections when it returns.
 */
export async function ensureTemplate(template: string, prepare: (url: string) => Promise<void>): Promise<void> {
  const name = templateName(template);
  await onServer(async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [name]);
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount) return;
    // Renamed at the end, so that a failed preparation is never cloned.
    const unfinished = `${name}_unfinished`;
    await client.query(`drop database if exists ${quoted(unfinished)} with (force)`);
    await client.query(`create database ${quoted(unfinished)}`);
    await prepare(urlOf(unfinished));
    await client.query(`alter database ${quoted(unfinished)} rename to ${quoted(name)}`);
  });
}

/** Drops every database of this jest run. */
export async function dropRun(): Promise<void> {
  await onServer(async (client) => {
    const left = await client.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1)',
      [run()],
    );
    for (const { datname } of left.rows) await client.query(`drop database if exists ${quoted(datname)} with (force)`);
  });
}

function templateName(template: string): string {
  return `${run()}_template_${template}`;
}

function run(): string {
  return fromSetup('GATEHOUSE_TEST_RUN');
}

function urlOf(database: string): string {
  const url = new URL(fromSetup('GATEHOUSE_TEST_SERVER'));
  url.pathname = `/${database}`;
  return url.href;
}

function fromSetup(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set: tests with a database run under jest, whose globalSetup starts a PostgreSQL.`);
  return value;
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** Runs `work` on the server's first database; the connection ends with it, and so do its locks. */
async function onServer(work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client(fromSetup('GATEHOUSE_TEST_SERVER'));
  client.on('error', () => undefined);
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}
