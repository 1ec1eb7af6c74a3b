import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { openPool } from '@gatehouse/eventing/postgres';
import { reference, referenceStream, type ReferenceEvent } from '@gatehouse/events/reference';
import { writeFestival } from '@gatehouse/reference/festival';
import { exportFolder } from '@gatehouse/reference/testing';
import { call } from '@gatehouse/service/testing';
import type { Pool } from 'pg';
import { startChild, startServer, type Server } from './child';
import { createDatabase, makeToken, onDatabase, settle, urlOf, withReference } from './database';
import { EVENT_URL, QUOTAS } from './dataset';
import type { GatehouseOptions } from './gatehouse-server';
import type { Imported } from './import-child';
import { writeHistory } from './inventory-history';
import { RESERVATION_TABLES } from './usual-reservations';

const EVENT = 'big/fest';

/** A festival in its own database, with this many sold places and as many events in the stream of its reservations. */
export type CartDataset = {
  readonly sold: number;
  readonly databaseUrl: string;
  /** Connections to the schema `inventory`. */
  readonly pool: Pool;
  readonly token: string;
  /** The process that runs the projections. */
  readonly projections: Server;
  /** Waits until read models have applied both histories; returns how long that took. */
  settled(): Promise<number>;
  /** Creates a product with a quota of this size, for us and for the peers; returns when all `servers` know it. */
  offer(size: number, servers: readonly Server[]): Promise<Offer>;
  /** The number of reservations of it in the database: our events, or the peers' rows. */
  reserved(offer: Offer, by: 'us' | 'peers'): Promise<number>;
  close(): Promise<void>;
};

export type Offer = {
  readonly item: number;
  readonly size: number;
  /** Position of the newest event before the first reservation. */
  readonly since: string;
};

export type CartDatasetOptions = {
  /** URL of a database of the measured PostgreSQL. */
  readonly adminUrl: string;
  readonly folder: string;
  readonly nodeFlags: readonly string[];
};

/** Opens the dataset of this size, creating it if this data folder has none. */
export async function openCartDataset(sold: number, options: CartDatasetOptions): Promise<CartDataset> {
  const name = `bench_cart_${sold}`;
  const databaseUrl = urlOf(name, options.adminUrl);
  const tokenFile = path.join(options.folder, `${name}.json`);
  const isNew = !existsSync(tokenFile);
  // No service runs meanwhile: it would record by itself what has expired.
  if (isNew) await make(sold, { name, databaseUrl, adminUrl: options.adminUrl });
  const settings = { ROLES: 'projections' };
  const server: GatehouseOptions = { databaseUrl, settings, services: 'cart' };
  const projections = await startServer('gatehouse-server', server, options.nodeFlags);
  const pool = openPool(databaseUrl, 'inventory', 3);
  const settled = () => settle(pool, 'inventory');
  if (isNew) {
    const token = await makeToken(databaseUrl);
    await settled();
    await onDatabase(databaseUrl, RESERVATION_TABLES);
    await onDatabase(databaseUrl, 'vacuum analyze');
    await onDatabase(databaseUrl, 'checkpoint');
    writeFileSync(tokenFile, JSON.stringify(token));
  }
  const token = JSON.parse(readFileSync(tokenFile, 'utf8')) as string;
  await settled();
  return {
    sold,
    databaseUrl,
    pool,
    token,
    projections,
    settled,
    async offer(size, servers) {
      const item = await offerToPeers(pool, size);
      await withReference(databaseUrl, async (store) => {
        for (const event of factsOf(item, size)) {
          const written = { ...reference.write(event), id: crypto.randomUUID(), actor: 'bench', trace: null };
          await store.append(referenceStream(event), 0, [written]);
        }
      });
      await settled();
      for (const { port } of servers) await isKnown(port, { item, token });
      const { rows } = await pool.query<{ head: string }>(
        'select coalesce(max(position), 0)::text as head from events',
      );
      return { item, size, since: rows[0]!.head };
    },
    async reserved({ item, since }, by) {
      const { rows } = await pool.query<{ count: number }>(
        by === 'peers'
          ? 'select count(*)::integer as count from peers.cart_positions where quota = $1'
          : `select count(*)::integer as count from events
             where type = 'CartReserved' and position > $2 and (data ->> 'item')::integer = $1`,
        by === 'peers' ? [item] : [item, since],
      );
      return rows[0]!.count;
    },
    async close() {
      await pool.end();
      await projections.stop();
    },
  };
}

/** Imports the festival into a new database and appends the events of its reservations. */
async function make(
  sold: number,
  { name, databaseUrl, adminUrl }: { name: string; databaseUrl: string; adminUrl: string },
) {
  await createDatabase(name, adminUrl);
  const folder = exportFolder();
  writeFestival(folder, sold);
  folder.write('events/fest/quotas.json', QUOTAS);
  const importer = startChild('import-child', { databaseUrl, folder: folder.path });
  await importer.ask<Imported>('import');
  await importer.stop();
  folder.drop();
  await writeHistory(databaseUrl, sold);
}

/** Inserts the peers' quota; returns the id of the new product, which is also the id of its quota. */
async function offerToPeers(pool: Pool, size: number): Promise<number> {
  const { rows } = await pool.query<{ item: number }>(
    `insert into peers.quotas (id, event, item, name, size)
     select next, $1, next, 'Hot ' || next, $2 from (select coalesce(max(id), 999) + 1 as next from peers.quotas) new
     returning item`,
    [EVENT, size],
  );
  return rows[0]!.item;
}

/** The facts that an import would state about a product and its quota. */
function factsOf(item: number, size: number): readonly ReferenceEvent[] {
  const fact = { import: 1, hash: `bench ${item}`, organizer: 'big', event: 'fest' };
  return [
    {
      type: 'ItemStated',
      data: {
        ...fact,
        id: item,
        name: { en: `Hot ${item}` },
        internal_name: null,
        description: null,
        active: true,
        category: null,
        position: item,
        admission: true,
        default_price: '23.00',
        tax_rule: null,
        tax_rate: null,
        checkin_attention: false,
        generate_tickets: null,
        has_variations: false,
        variations: [],
      },
    },
    {
      type: 'QuotaStated',
      data: {
        ...fact,
        id: item,
        name: `Hot ${item}`,
        size,
        items: [item],
        variations: [],
        subevent: null,
        close_when_sold_out: false,
        closed: false,
      },
    },
  ];
}

const KNOWN_MS = 30_000;

/** Waits until the catalogue of a process has the quota of a product. */
async function isKnown(port: number, { item, token }: { item: number; token: string }): Promise<void> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < KNOWN_MS) {
    const { status } = await call(`http://127.0.0.1:${port}`, 'GET', `${EVENT_URL}quotas/${item}/`, { token });
    if (status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`a process does not learn of quota ${item}`);
}
