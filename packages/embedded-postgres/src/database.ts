import { Client } from 'pg';
import { startEmbedded } from './start-embedded';

/** The URL of a PostgreSQL, and a function to call at the end. */
export type Database = { readonly url: string; stop(): Promise<void> };

/** The user's own PostgreSQL if one is configured, else the embedded one of the data folder, started or adopted. */
export async function openDatabase(
  settings: { readonly databaseUrl: string | undefined; readonly dataFolder: string },
  options: { log: (sentence: string) => void; takeOver?: boolean },
): Promise<Database> {
  if (settings.databaseUrl !== undefined) return { url: settings.databaseUrl, stop: () => Promise.resolve() };
  return startEmbedded({ dataFolder: settings.dataFolder, ...options });
}

/** Creates a database on the server of a URL unless it exists. The name must be a plain identifier. */
export async function createDatabase(url: string, name: string): Promise<void> {
  const client = new Client(url);
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${name}`);
  } finally {
    await client.end();
  }
}
