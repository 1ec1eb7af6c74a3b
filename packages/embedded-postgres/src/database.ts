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
