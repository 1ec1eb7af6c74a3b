import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { EVENT_STORE_SQL, listen, migrate, openPool } from '@gatehouse/eventing/postgres';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import type { Pool } from 'pg';
import type { ReferenceStore } from './store';

/** A temporary folder of a test. */
export type ExportFolder = {
  readonly path: string;
  read(name: string): unknown;
  write(name: string, value: unknown): void;
  /** Changes a JSON file, or the orders of an `.ndjson`. */
  edit<T>(name: string, change: (value: T) => T | void): void;
  remove(name: string): void;
  drop(): void;
};

/** A folder to write an export into; a copy of `template` when one is named. */
export function exportFolder(template?: string): ExportFolder {
  const path = mkdtempSync(join(tmpdir(), 'gatehouse-export-'));
  if (template !== undefined) cpSync(template, path, { recursive: true });
  const folder: ExportFolder = {
    path,
    read(name) {
      const text = readFileSync(join(path, name), 'utf8');
      if (!name.endsWith('.ndjson')) return JSON.parse(text) as unknown;
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as unknown);
    },
    write(name, value) {
      const file = join(path, name);
      mkdirSync(dirname(file), { recursive: true });
      if (typeof value === 'string' || Buffer.isBuffer(value)) writeFileSync(file, value);
      else if (!name.endsWith('.ndjson')) writeFileSync(file, JSON.stringify(value));
      else writeFileSync(file, (value as unknown[]).map((line) => `${JSON.stringify(line)}\n`).join(''));
    },
    edit<T>(name: string, change: (value: T) => T | void) {
      const value = folder.read(name) as T;
      folder.write(name, change(value) ?? value);
    },
    remove: (name) => rmSync(join(path, name), { recursive: true, force: true }),
    drop: () => rmSync(path, { recursive: true, force: true }),
  };
  return folder;
}

/** A store of `reference` in a database of its own. */
export async function referenceStoreAt(
  url: string,
): Promise<{ store: ReferenceStore; pool: Pool; close(): Promise<void> }> {
  const pool = openPool(url, 'reference', 4);
  await migrate(pool, 'reference', EVENT_STORE_SQL);
  const listener = listen(url);
  const store = postgresStore({ pool, context: 'reference', listener });
  return {
    store,
    pool,
    async close() {
      await store.idle();
      await listener.close();
      await pool.end();
    },
  };
}
