import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { EVENT_STORE_SQL, listen, migrate, openPool } from '@gatehouse/eventing/postgres';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import { createDroidKey, createToken } from '@gatehouse/reference/credentials';
import { writeFestival } from '@gatehouse/reference/festival';
import { exportFolder } from '@gatehouse/reference/testing';
import { call } from '@gatehouse/service/testing';
import { Client, type Pool } from 'pg';
import { startChild, startServer, type Server } from './child';
import { memoryOf } from './cpu';
import type { Imported } from './import-child';
import { PEER_TABLES } from './usual-ways';

const EVENT_URL = '/api/v1/organizers/big/events/fest/';

/** A festival of so many tickets in its own database, with the real service in front of it. */
export type Dataset = {
  readonly positions: number;
  readonly databaseUrl: string;
  readonly server: Server;
  readonly pool: Pool;
  readonly token: string;
  /** A file with the secrets of all tickets, one per line, in the order of their hashes. */
  readonly secrets: string;
  readonly facts: DatasetFacts;
  get(target: string): Promise<{ status: number; body: unknown; text: string }>;
  /** Creates a check-in list through the API and returns its id. */
  newList(): Promise<number>;
  /** Creates a key for old scanners on a list and returns it. */
  newKey(list: number): Promise<string>;
  /** Waits until read models have applied both histories; returns how long that took. */
  settled(): Promise<number>;
  close(): Promise<void>;
};

/** Measurements from the creation of the dataset. */
export type DatasetFacts = {
  readonly token: string;
  readonly importMs: number;
  readonly importPeakMb: number;
  /** From the import's start until the service could answer for all tickets. */
  readonly visibleMs: number;
  readonly serviceRssAtStartMb: number;
  readonly serviceRssAfterImportMb: number;
};

export type DatasetOptions = {
  /** URL of a database of the measured PostgreSQL. */
  readonly adminUrl: string;
  readonly folder: string;
  readonly nodeFlags: readonly string[];
};

/** A dataset that is always created anew: analysed, or left as the import left it. */
export type Fresh = 'as imported' | 'analysed';

/** Opens the dataset of this size, creating it if this data folder has none. */
export async function openDataset(positions: number, options: DatasetOptions, fresh?: Fresh): Promise<Dataset> {
  const name = fresh ? 'bench_fresh' : `bench_${positions}`;
  const url = new URL(options.adminUrl);
  url.pathname = `/${name}`;
  const databaseUrl = url.href;
  const factsFile = path.join(options.folder, `${name}.json`);
  const secrets = path.join(options.folder, `${name}.secrets`);
  const isNew = fresh !== undefined || !existsSync(factsFile);
  if (isNew) {
    await onDatabase(options.adminUrl, `drop database if exists ${name} with (force)`);
    await onDatabase(options.adminUrl, `create database ${name}`);
  }
  const server = await startServer('gatehouse-server', { databaseUrl }, options.nodeFlags);
  const pool = openPool(databaseUrl, 'admission', 3);
  const url0 = `http://127.0.0.1:${server.port}`;
  if (isNew) {
    const facts = await make(positions, { databaseUrl, pool, server });
    const { rows } = await pool.query<{ secret: string }>(
      'select secret from tickets where not canceled order by hashint4(id)',
    );
    writeFileSync(secrets, rows.map((row) => `${row.secret}\n`).join(''));
    if (!fresh) await onDatabase(databaseUrl, PEER_TABLES);
    if (fresh !== 'as imported') await onDatabase(databaseUrl, 'vacuum analyze');
    if (!fresh) await onDatabase(databaseUrl, 'checkpoint');
    writeFileSync(factsFile, JSON.stringify(facts));
  }
  const facts = JSON.parse(readFileSync(factsFile, 'utf8')) as DatasetFacts;
  const { token } = facts;
  await settle(pool);
  return {
    positions,
    databaseUrl,
    server,
    pool,
    token,
    secrets,
    facts,
    get: (target) => call(url0, 'GET', EVENT_URL + target, { token }),
    async newList() {
      const json = { name: 'Bench', all_products: true, limit_products: [], include_pending: true };
      const answer = await call(url0, 'POST', `${EVENT_URL}checkinlists/`, { token, json });
      if (answer.status !== 201) throw new Error(`no list was made: ${answer.status} ${answer.text}`);
      return (answer.body as { id: number }).id;
    },
    async newKey(list) {
      const wish = { list, all_items: true, items: [], allow_search: true, show_info: true, app: 'pretixdroid' };
      const { secret } = await withReference(databaseUrl, (reference) =>
        createDroidKey(reference, { organizer: 'big', event: 'fest', ...wish }, null),
      );
      await settle(pool);
      return secret;
    },
    settled: () => settle(pool),
    async close() {
      await pool.end();
      await server.stop();
    },
  };
}

async function make(
  positions: number,
  { databaseUrl, pool, server }: { databaseUrl: string; pool: Pool; server: Server },
): Promise<DatasetFacts> {
  const serviceRssAtStartMb = memoryOf(server.pid).nowMb;
  const folder = exportFolder();
  writeFestival(folder, positions);
  const importer = startChild('import-child', { databaseUrl, folder: folder.path });
  const startedAt = performance.now();
  const imported = await importer.ask<Imported>('import');
  await settle(pool);
  const visibleMs = performance.now() - startedAt;
  await importer.stop();
  folder.drop();
  const token = await makeToken(databaseUrl);
  await settle(pool);
  return {
    token,
    importMs: imported.elapsedMs,
    importPeakMb: imported.peakMb,
    visibleMs,
    serviceRssAtStartMb,
    serviceRssAfterImportMb: memoryOf(server.pid).nowMb,
  };
}

async function makeToken(databaseUrl: string): Promise<string> {
  const { secret } = await withReference(databaseUrl, (reference) =>
    createToken(reference, {
      organizer: 'big',
      name: 'bench',
      permissions: ['can_view_orders', 'can_change_orders', 'can_change_event_settings'],
      all_events: true,
      limit_events: [],
    }),
  );
  return secret;
}

async function withReference<T>(databaseUrl: string, work: (reference: ContextStore) => Promise<T>): Promise<T> {
  const pool = openPool(databaseUrl, 'reference', 2);
  await migrate(pool, 'reference', EVENT_STORE_SQL);
  const listener = listen(databaseUrl);
  try {
    return await work(postgresStore({ pool, context: 'reference', listener }));
  } finally {
    await listener.close();
    await pool.end();
  }
}

const SETTLE_MS = 1_800_000;

async function settle(pool: Pool): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < SETTLE_MS) {
    const { rows } = await pool.query<{ behind: boolean }>(
      `select coalesce(bool_or(position::bigint < case topic
                when 'reference' then (select coalesce(max(position), 0) from reference.events)
                else (select coalesce(max(position), 0) from admission.events) end), true) as behind
       from checkpoints where name <> 'relay'`,
    );
    if (!rows[0]!.behind) return performance.now() - startedAt;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('the read models do not catch up');
}

async function onDatabase(url: string, sql: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
