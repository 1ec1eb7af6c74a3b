import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Context } from '@gatehouse/events/contexts';
import type { Recorded } from '@gatehouse/events/envelope';
import { replay } from '@gatehouse/eventing/projection';
import { relayBacklog } from '@gatehouse/eventing/relay';
import { openReference } from '@gatehouse/reference/context';
import { importFolder } from '@gatehouse/reference/import';
import type { Report } from '@gatehouse/reference/report';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { openFeeds, type Feeds } from '@gatehouse/service/feeds';
import { createLog } from '@gatehouse/service/log';
import { run, type Service } from '@gatehouse/service/run';
import { call, type Answer, type Ask } from '@gatehouse/service/testing';
import type { Pool } from 'pg';
import { testDatabase } from './postgres';

/** An export in memory: contents by file name (`events/openair/items.json`); those of `.ndjson` are arrays. */
export type ExportFiles = Readonly<Record<string, unknown>>;

/** Writes an export into a new folder and returns its path. */
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

/** The system in one process on its own database, called over real HTTP. */
export type System = {
  readonly url: string;
  readonly databaseUrl: string;
  /** Port of /metrics, if `env` has a METRICS_PORT. */
  readonly metricsPort: number | null;
  /** A pool for reading the tables of the first service's context. */
  readonly pool: Pool;
  /** The histories that this context reads, as a command opens them. */
  readonly feeds: Feeds;
  /** The same of another context. */
  feedsOf(context: Context): Feeds;
  call(method: string, target: string, ask?: Ask): Promise<Answer>;
  /** Imports a folder or an export in memory, and waits until all contexts have applied it. */
  import(source: string | ExportFiles): Promise<Report>;
  /** The history of the first service's context so far. */
  events(): Promise<Recorded[]>;
  /** Waits until all projections and subscribers have reached the end of history. */
  settled(): Promise<void>;
  close(): Promise<void>;
};

/** Time for the process to read changed tables into its caches after the notification. */
const CACHES_MS = 50;

/** `env` may select other backends than PostgreSQL. */
export async function startSystem(
  services: readonly Service<unknown>[],
  env: Readonly<Record<string, string>> = {},
): Promise<System> {
  const database = await testDatabase();
  const config = readConfig({ PORT: '0', LOG_LEVEL: 'fatal', ...env });
  const log = createLog(config.logLevel);
  const running = await run(services, { config, log, databaseUrl: database.url });
  const url = `http://127.0.0.1:${running.port}`;
  const backends = openBackends(config, database.url);
  const byContext = new Map<Context, Feeds>();
  for (const context of new Set(services.map((service) => service.context))) {
    byContext.set(context.name, await openFeeds(context, backends, { connections: 3 }));
  }
  const all = [...byContext.values()];
  const feeds = all[0]!;
  const { store, pool: referencePool } = await openReference(backends);
  const { pool, own, ownFeed } = feeds;

  async function isBehind(): Promise<boolean> {
    if (feeds.bus.isRelayed && (await relayBacklog(referencePool, { ...store, topic: 'reference' })) > 0) return true;
    for (const each of all) {
      if (each.bus.isRelayed && (await relayBacklog(each.pool, each.ownFeed)) > 0) return true;
      const backlogs = await each.backlogs(await each.followedEnds());
      if (backlogs.some((backlog) => backlog > 0) || !(await each.ownIsApplied(0))) return true;
    }
    return false;
  }
  async function settled(): Promise<void> {
    while (await isBehind()) await sleep(10);
  }

  return {
    url,
    databaseUrl: database.url,
    metricsPort: running.metricsPort,
    pool,
    feeds,
    feedsOf: (context) => byContext.get(context)!,
    call: (method, target, ask) => call(url, method, target, ask),
    async import(source) {
      const folder = typeof source === 'string' ? source : await exportFolder(source);
      const report = await importFolder({ store, pool: referencePool, folder });
      if (typeof source !== 'string') await rm(folder, { recursive: true });
      await settled();
      // A process keeps some tables in memory and reads them again when PostgreSQL notifies it of a change.
      await sleep(CACHES_MS);
      return report;
    },
    async events() {
      const events: Recorded[] = [];
      const range = { from: own.start, until: await own.head() };
      await replay(ownFeed, range, (batch) => Promise.resolve(void events.push(...batch)));
      return events;
    },
    settled,
    async close() {
      await running.close();
      for (const each of all) await each.close();
      await referencePool.end();
      await backends.close();
      await database.drop();
    },
  };
}
