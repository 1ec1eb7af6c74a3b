import { Client } from 'pg';
import { startEmbedded } from './start-embedded';

/** A PostgreSQL to work with, and how to leave it. */
export type Database = { readonly url: string; stop(): Promise<void> };

/** The user's own PostgreSQL where one is named, else the embedded one of the data folder, started or found running. */
export async function openDatabase(
  settings: { readonly databaseUrl: string | undefined; readonly dataFolder: string },
  options: { log: (sentence: string) => void; takeOver?: boolean },
): Promise<Database> {
  if (settings.databaseUrl !== undefined) return { url: settings.databaseUrl, stop: () => Promise.resolve() };
  return startEmbedded({ dataFolder: settings.dataFolder, ...options });
}

/** Makes a database on the server of a URL unless there is one of that name, which must be a plain identifier. */
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
