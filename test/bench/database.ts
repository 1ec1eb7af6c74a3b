import type { Context } from '@gatehouse/events/contexts';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { EVENT_STORE_SQL, listen, migrate, openPool } from '@gatehouse/eventing/postgres';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import { createToken } from '@gatehouse/reference/credentials';
import { Client, type Pool } from 'pg';

/* Databases of the measured PostgreSQL, and operations on them from outside of the services. */

/** The URL of another database on the server of `adminUrl`. */
export function urlOf(name: string, adminUrl: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** Creates an empty database; drops one with this name first. */
export async function createDatabase(name: string, adminUrl: string): Promise<void> {
  await onDatabase(adminUrl, `drop database if exists ${name} with (force)`);
  await onDatabase(adminUrl, `create database ${name}`);
}

/** Runs statements on a new connection. */
export async function onDatabase(url: string, sql: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Opens the event store of a context, as a command does. */
export async function withStore<T>(
  databaseUrl: string,
  context: Context,
  work: (store: ContextStore) => Promise<T>,
): Promise<T> {
  const pool = openPool(databaseUrl, context, 2);
  await migrate(pool, context, EVENT_STORE_SQL);
  const listener = listen(databaseUrl);
  try {
    return await work(postgresStore({ pool, context, listener }));
  } finally {
    await listener.close();
    await pool.end();
  }
}

/** Opens the event store of `reference`, which has the shop's facts. */
export const withReference = <T>(databaseUrl: string, work: (reference: ContextStore) => Promise<T>): Promise<T> =>
  withStore(databaseUrl, 'reference', work);

/** Creates a token with all permissions that the bench needs. */
export async function makeToken(databaseUrl: string): Promise<string> {
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

const SETTLE_MS = 1_800_000;

/** Waits until the consumers of a context have applied its own history and those that they follow; returns how long that took. */
export async function settle(pool: Pool, context: Context): Promise<number> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < SETTLE_MS) {
    if (!(await isBehind(pool, context))) return performance.now() - startedAt;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('the read models do not catch up');
}

async function isBehind(pool: Pool, context: Context): Promise<boolean> {
  const { rows: checkpoints } = await pool.query<{ topic: Context; position: string }>(
    `select topic, min(position::bigint)::text as position from ${context}.checkpoints where name <> 'relay' group by topic`,
  );
  if (checkpoints.length === 0) return true;
  const heads = checkpoints.map(
    ({ topic }, i) => `(select coalesce(max(position), 0) from ${topic}.events) > $${i + 1}`,
  );
  const { rows } = await pool.query<{ behind: boolean }>(
    `select ${heads.join(' or ')} as behind`,
    checkpoints.map(({ position }) => position),
  );
  return rows[0]!.behind;
}
