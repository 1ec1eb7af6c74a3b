import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openPool } from '@gatehouse/eventing/postgres';
import { createDroidKey } from '@gatehouse/reference/credentials';
import { writeFestival } from '@gatehouse/reference/festival';
import { exportFolder } from '@gatehouse/reference/testing';
import { call } from '@gatehouse/service/testing';
import type { Pool } from 'pg';
import { startChild, startServer, type Server } from './child';
import { memoryOf } from './cpu';
import { createDatabase, makeToken, onDatabase, settle, urlOf, withReference } from './database';
import type { GatehouseOptions } from './gatehouse-server';
import type { Imported } from './import-child';
import { PEER_TABLES } from './usual-ways';

export const EVENT_URL = '/api/v1/organizers/big/events/fest/';

/** The festival's only product has an unlimited quota. */
export const QUOTAS = [{ id: 1, name: 'Passes', size: null, items: [1], variations: [] }];

/** The layout of tickets that pretix gives every event. */
export const LAYOUT = 1;
const LAYOUTS = (
  JSON.parse(
    readFileSync(path.join(__dirname, '../../fixtures/pretix-export/events/openair/ticketlayouts.json'), 'utf8'),
  ) as { layout: unknown }[]
).map(({ layout }) => ({ id: LAYOUT, name: 'Default layout', default: true, layout }));

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
  const databaseUrl = urlOf(name, options.adminUrl);
  const factsFile = path.join(options.folder, `${name}.json`);
  const secrets = path.join(options.folder, `${name}.secrets`);
  const isNew = fresh !== undefined || !existsSync(factsFile);
  if (isNew) await createDatabase(name, options.adminUrl);
  // A fresh dataset is also used for reservations.
  const services: GatehouseOptions = fresh ? { databaseUrl, services: 'all' } : { databaseUrl };
  const server = await startServer('gatehouse-server', services, options.nodeFlags);
  const pool = openPool(databaseUrl, 'admission', 3);
  const settled = async () => {
    const startedAt = performance.now();
    await settle(pool, 'admission');
    if (fresh) for (const context of ['inventory', 'sales'] as const) await settle(pool, context);
    return performance.now() - startedAt;
  };
  const url0 = `http://127.0.0.1:${server.port}`;
  if (isNew) {
    const facts = await make(positions, { databaseUrl, server, settled });
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
  await settled();
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
      await settled();
      return secret;
    },
    settled,
    async close() {
      await pool.end();
      await server.stop();
    },
  };
}

async function make(
  positions: number,
  { databaseUrl, server, settled }: { databaseUrl: string; server: Server; settled: () => Promise<number> },
): Promise<DatasetFacts> {
  const serviceRssAtStartMb = memoryOf(server.pid).nowMb;
  const folder = exportFolder();
  writeFestival(folder, positions);
  folder.write('events/fest/quotas.json', QUOTAS);
  folder.write('events/fest/ticketlayouts.json', LAYOUTS);
  const importer = startChild('import-child', { databaseUrl, folder: folder.path });
  const startedAt = performance.now();
  const imported = await importer.ask<Imported>('import');
  await settled();
  const visibleMs = performance.now() - startedAt;
  await importer.stop();
  folder.drop();
  const token = await makeToken(databaseUrl);
  await settled();
  return {
    token,
    importMs: imported.elapsedMs,
    importPeakMb: imported.peakMb,
    visibleMs,
    serviceRssAtStartMb,
    serviceRssAfterImportMb: memoryOf(server.pid).nowMb,
  };
}
