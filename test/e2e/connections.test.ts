import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { reference } from '@gatehouse/reference-service/service';
import type { Answer } from '@gatehouse/service/testing';
import { readConfig } from '@gatehouse/service/config';
import { createLog } from '@gatehouse/service/log';
import { run } from '@gatehouse/service/run';
import { CROWD, festival, LISTS, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem } from '@gatehouse/test-support/system';
import { Client } from 'pg';

/*
 * PostgreSQL's connections are limited and shared by all processes: how many a process uses, its error when there are none
 * left, and that it leaves none open.
 */

const ALL = [checkin, legacyDroid, reference];

/** As in docs/operations.md: a process that runs the projections, and one on standby. */
const OWNING = 36;
const STANDING_BY = 26;

async function ask<T>(url: string, sql: string): Promise<T[]> {
  const client = new Client(url);
  await client.connect();
  try {
    return (await client.query(sql)).rows as T[];
  } finally {
    await client.end();
  }
}

/** Labels a process's connections through the URL. */
const labelled = (url: string, name: string): string => `${url}?application_name=${name}`;

/** The connections to one database, or of one process if it has a label. */
async function connectionsTo(url: string, label = '%'): Promise<number> {
  const [row] = await ask<{ n: number }>(
    url,
    `select count(*)::integer as n from pg_stat_activity
     where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()
       and application_name like '${label}'`,
  );
  return row!.n;
}

/** All kinds of requests at the same time. */
async function burst(call: (method: string, target: string, more?: object) => Promise<unknown>): Promise<void> {
  const list = `${CROWD}checkinlists/${LISTS.crowd}/`;
  const token = TOKENS.admin;
  const asks = Array.from({ length: 40 }, (_, i) => [
    call('POST', `${list}positions/${TICKETS.crowdFirst.id + i}/redeem/`, { token, json: {} }),
    call('POST', `${list}positions/no-such-ticket-${i}/redeem/`, { token, json: {} }),
    call('GET', `${list}positions/?search=a`, { token }),
    call('GET', `${list}status/`, { token }),
    call('POST', `${CROWD}checkinlists/`, {
      token,
      json: { name: `List ${i}` },
      headers: { 'x-idempotency-key': `key ${i}` },
    }),
  ]);
  await Promise.all(asks.flat());
}

it('takes no more of them than the documents say, however busy it is', async () => {
  const system = await startSystem([checkin], { ROLES: 'http' });
  const url = system.databaseUrl;
  const owning = await startProcess(ALL, labelled(url, 'owning'));
  await system.import(festival());
  const standingBy = await startProcess(ALL, labelled(url, 'standing_by'));
  await burst(owning.call);
  await burst(standingBy.call);
  // Long enough for every standby to have tried to take over.
  await sleep(3_000);
  const [own, other] = [await connectionsTo(url, 'owning'), await connectionsTo(url, 'standing_by')];
  process.stdout.write(
    `Connections: ${own} of the process that owns the read models, ${other} of one that stands by\n`,
  );
  await standingBy.close();
  await owning.close();
  await system.close();
  expect(own).toBeLessThanOrEqual(OWNING);
  expect(other).toBeLessThanOrEqual(STANDING_BY);
});

describe('a role that may have few', () => {
  const role = `few_${randomBytes(6).toString('hex')}`;
  let database: TestDatabase;
  let url: string;

  beforeAll(async () => {
    database = await testDatabase();
    const at = new URL(database.url);
    // No superuser, for whom limits do not apply.
    await ask(database.url, `create role ${role} login password 'few'`);
    await ask(database.url, `grant create on database "${at.pathname.slice(1)}" to ${role}`);
    at.username = role;
    at.password = 'few';
    url = at.href;
  });
  afterAll(async () => {
    await ask(database.url, `drop owned by ${role}`);
    await ask(database.url, `drop role ${role}`);
    await database.drop();
  });

  const limit = (n: number) => ask(database.url, `alter role ${role} connection limit ${n}`);

  it('does not let a process start that could not serve, and says what to set', async () => {
    await limit(18);
    await expect(startProcess(ALL, url)).rejects.toThrow(
      /needs \d+ connections, and \d+ of 18 are free; raise the limit by at least \d+ \(max_connections/,
    );
    await noneLeft(database.url);
  });

  it('makes a process unready that has too few of them left, with that reason, and ready again', async () => {
    await limit(-1);
    const there = await startProcess(ALL, url);
    await answers(there, 200);
    await limit(5);
    // One connection for scans breaks, and no other can be opened: the remaining ones answer as before.
    await ask(
      database.url,
      `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}' and query = 'select 1' limit 2`,
    );
    const unready = await answers(there, 503);
    // Whichever pool asks first.
    expect(unready.text).toMatch(
      /the (?:event store of \w+|database of idempotency keys) takes no more connections: raise its max_connections, or run fewer processes/,
    );
    await limit(-1);
    await answers(there, 200);
    await there.close();
  });
});

describe('a start that fails leaves none of them behind', () => {
  let database: TestDatabase;
  let taken: number;
  const squatter = createServer();

  beforeAll(async () => {
    database = await testDatabase();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    taken = (squatter.address() as AddressInfo).port;
  });
  afterAll(async () => {
    squatter.close();
    await database.drop();
  });

  const start = (env: Record<string, string>) => {
    const config = readConfig({ DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'silent', ...env });
    return run(ALL, { config, log: createLog(config.logLevel), databaseUrl: config.databaseUrl });
  };

  it('when its port is taken', async () => {
    await expect(start({ PORT: String(taken) })).rejects.toThrow(
      `Port ${taken} of 127.0.0.1 is in use: set PORT to another one.`,
    );
    await noneLeft(database.url);
  });

  it('when HOST is none of this machine', async () => {
    await expect(start({ HOST: '203.0.113.7' })).rejects.toThrow(
      'HOST is 203.0.113.7, which is no address of this machine',
    );
    await noneLeft(database.url);
  });

  it('when the metrics have no port', async () => {
    await expect(start({ METRICS_PORT: String(taken) })).rejects.toThrow('METRICS_PORT cannot be used');
    await noneLeft(database.url);
  });

  it('when a schema cannot be made', async () => {
    // An object that existed before, with a name of ours.
    await ask(
      database.url,
      'drop schema if exists transport cascade; create schema transport; create view transport.migrations as select 1 as one',
    );
    await expect(start({})).rejects.toThrow();
    await noneLeft(database.url);
  });
});

/** A session ends a moment after its connection; a leaked one stays. */
async function noneLeft(url: string): Promise<void> {
  const end = performance.now() + 50_000;
  while ((await connectionsTo(url)) > 0 && performance.now() < end) await sleep(50);
  expect(await connectionsTo(url)).toBe(0);
}

/** Calls /readyz until it has this status; at most 50 seconds. */
async function answers(there: Process, wanted: number): Promise<Answer> {
  for (const end = performance.now() + 50_000; ; await sleep(50)) {
    const answer = await there.call('GET', '/readyz');
    if (answer.status === wanted) return answer;
    if (performance.now() > end) throw new Error(`still ${answer.status} after 50 seconds: ${answer.text}`);
  }
}
