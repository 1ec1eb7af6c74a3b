import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { admissionContext } from '@gatehouse/admission/context';
import type { Admission } from '@gatehouse/admission/admission';
import type { Recorded } from '@gatehouse/events/envelope';
import { listen, openPool } from '@gatehouse/eventing/postgres';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import { importFolder } from '@gatehouse/reference/import';
import type { Report } from '@gatehouse/reference/report';
import { readConfig } from '@gatehouse/service/config';
import { createLog } from '@gatehouse/service/log';
import { run, type Service } from '@gatehouse/service/run';
import { call, type Answer, type Ask } from '@gatehouse/service/testing';
import type { Pool } from 'pg';
import { testDatabase } from './postgres';

/** An export in memory: file names (`events/openair/items.json`) and what they hold; `.ndjson` takes an array. */
export type ExportFiles = Readonly<Record<string, unknown>>;

/** Writes an export into a new folder and answers its path. */
export async function exportFolder(files: ExportFiles): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-export-'));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    const text = name.endsWith('.ndjson')
      ? (content as unknown[]).map((line) => JSON.stringify(line)).join('\n')
      : JSON.stringify(content);
    await writeFile(file, text);
  }
  return folder;
}

/** The system as one process runs it, on a database of its own, called over real HTTP. */
export type System = {
  readonly url: string;
  readonly databaseUrl: string;
  /** Where /metrics is, when `env` names a METRICS_PORT. */
  readonly metricsPort: number | null;
  /** Connections to look at admission's tables. */
  readonly pool: Pool;
  call(method: string, target: string, ask?: Ask): Promise<Answer>;
  /** Imports a folder or an export in memory, and waits until admission has taken it over. */
  import(source: string | ExportFiles): Promise<Report>;
  /** Admission's history so far. */
  events(): Promise<Recorded[]>;
  /** Waits until all projections and subscribers have come to the end of history. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

export async function startSystem(
  services: readonly Service<Admission>[],
  env: Readonly<Record<string, string>> = {},
): Promise<System> {
  const database = await testDatabase();
  const config = readConfig({ PORT: '0', LOG_LEVEL: 'fatal', ...env });
  const log = createLog(config.logLevel);
  const running = await run(services, { config, log, databaseUrl: database.url });
  const url = `http://127.0.0.1:${running.port}`;
  const pool = openPool(database.url, admissionContext.name, 3);
  const referencePool = openPool(database.url, 'reference', 4);
  const listener = listen(database.url);
  const store = postgresStore({ pool: referencePool, context: 'reference', listener });

  async function settled(): Promise<void> {
    for (;;) {
      const { rows } = await pool.query<{ behind: boolean }>(
        `select bool_or(position::bigint < case topic
                  when 'reference' then (select coalesce(max(position), 0) from reference.events)
                  else (select coalesce(max(position), 0) from admission.events) end) as behind
         from checkpoints`,
      );
      if (!rows[0]!.behind) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  return {
    url,
    databaseUrl: database.url,
    metricsPort: running.metricsPort,
    pool,
    call: (method, target, ask) => call(url, method, target, ask),
    async import(source) {
      const folder = typeof source === 'string' ? source : await exportFolder(source);
      const report = await importFolder({ store, pool: referencePool, folder });
      if (typeof source !== 'string') await rm(folder, { recursive: true });
      await settled();
      return report;
    },
    async events() {
      const { rows } = await pool.query<Recorded>('select * from events order by position');
      return rows;
    },
    settled,
    async close() {
      await running.close();
      await pool.end();
      await referencePool.end();
      await listener.close();
      await database.drop();
    },
  };
}
