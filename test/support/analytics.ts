import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DuckDBInstance, type Json } from '@duckdb/node-api';
import type { Context } from '@gatehouse/events/contexts';
import { gatehouse } from './command';

const PROJECT = path.resolve(__dirname, '../..');

/** The SQL of docs/analytics.md over the events of some topics, in DuckDB. */
export type Analytics = {
  /** The events, one for each line that the command printed. */
  readonly lines: readonly Record<string, unknown>[];
  /** Runs the statements below a heading, in order. */
  run(heading: string): Promise<void>;
  /** The rows of the statement below a heading. */
  ask(heading: string): Promise<Record<string, Json>[]>;
  close(): Promise<void>;
};

/** Reads the topics with `npm run gatehouse -- events`, from the sources. Each event comes twice, as it may on Kafka. */
export async function analyticsOf(databaseUrl: string, ...topics: readonly Context[]): Promise<Analytics> {
  let out = '';
  for (const topic of topics) {
    out += (await gatehouse({ DATABASE_URL: databaseUrl }, 'events', '--topic', topic, '--ndjson')).out;
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-analytics-'));
  await writeFile(path.join(folder, 'events.ndjson'), out + out);
  const blocks = blocksOf(await readFile(path.join(PROJECT, 'docs/analytics.md'), 'utf8'));
  const database = await (await DuckDBInstance.create()).connect();
  await database.run(`set file_search_path = '${folder}'`);
  const sqlOf = (heading: string): string => {
    const sql = blocks.get(heading);
    if (sql === undefined) throw new Error(`docs/analytics.md has no SQL below "${heading}"`);
    return sql;
  };
  return {
    lines: out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>),
    run: async (heading) => void (await database.run(sqlOf(heading))),
    ask: async (heading) => (await database.runAndReadAll(sqlOf(heading))).getRowObjectsJson(),
    async close() {
      database.closeSync();
      await rm(folder, { recursive: true });
    },
  };
}

/** The SQL blocks of a document, by the heading above them. */
function blocksOf(markdown: string): Map<string, string> {
  const found = markdown.matchAll(/^#+ (.+)$|^```sql\n([\s\S]+?)^```$/gm);
  const blocks = new Map<string, string>();
  let heading = '';
  for (const [, title, sql] of found) {
    if (title !== undefined) heading = title;
    else blocks.set(heading, sql!);
  }
  return blocks;
}
