import { join } from 'node:path';
import { historyInTest } from '@gatehouse/eventing/history-in-test';
import { migrate } from '@gatehouse/eventing/postgres';
import { installReadModel, type ReadModel } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';

/** The tables of some read models of admission in a new database, without events and without processes that fill them. */
export async function tablesInTest(...models: ReadModel[]): Promise<{ pool: Pool; close(): Promise<void> }> {
  const history = await historyInTest();
  const { pool } = history.open();
  await pool.query('create extension if not exists pg_trgm with schema public');
  await migrate(pool, 'admission', join(__dirname, '..', 'sql'));
  for (const model of models) await installReadModel(model, { pool, schema: 'admission', feeds: new Map() });
  return { pool, close: () => history.close() };
}
