import { isConnectionError, lockKey } from '@gatehouse/eventing/postgres';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import type { Pool } from 'pg';
import { check, type Checked } from './check';
import { isEnded } from './credentials';
import type { Kind } from './entry';
import { openFolder, type OrganizerFolder } from './folder';
import { notPrinted, type NotPrinted } from './not-printed';
import { openPositions } from './positions';
import { aboutTickets, notEnforced, warnings, type Counts, type Report } from './report';
import { readObject } from './rows';
import { openSpool, type Spool } from './spool';
import { readStored } from './stored';
import type { ReferenceStore } from './store';
import { readCredentials, write, type Credentials, type Written } from './write';

/** The progress of an import. `fraction` and `objects` are of the current phase. */
export type Progress = { readonly phase: 'checking' | 'writing'; readonly objects: number; readonly fraction: number };

/** The source of an import and the history to which it is appended. */
export type ImportOptions = {
  readonly store: ReferenceStore;
  /** Connections to the database of `reference`. */
  readonly pool: Pool;
  readonly folder: string;
  /** Leaves out invalid objects and imports the rest. */
  readonly skipInvalid?: boolean;
  onProgress?(progress: Progress): void;
  /** With `skipInvalid`: called for each problem as it is found. */
  onProblem?(problem: string): void;
};

/**
 * The export has invalid objects or is incomplete; nothing was written. `problems` are the first of `count`. `incomplete`:
 * the number of those that `skipInvalid` cannot leave out; with `skipInvalid` the error has only those.
 */
export class InvalidExport extends Error {
  override name = 'InvalidExport';
  constructor(
    readonly problems: readonly string[],
    readonly count: number,
    readonly incomplete: number,
  ) {
    super(`${count} ${count === 1 ? 'problem' : 'problems'} in the export; nothing was imported`);
  }
}

/** Another import is running; nothing was written. */
export class ImportRunning extends Error {
  override name = 'ImportRunning';
}

const SHOWN_PROBLEMS = 50;
const LOCK = lockKey('import', 'reference');

/**
 * Imports an export folder (import.md): checks all of it, then writes new and changed objects. Throws NoExport,
 * InvalidExport or ImportRunning before anything is written. Running it again finishes a killed import.
 */
export async function importFolder(options: ImportOptions): Promise<Report> {
  const folders = await openFolder(options.folder);
  return alone(options.pool, () => importAlone(folders, options));
}

async function importAlone(folders: readonly OrganizerFolder[], options: ImportOptions): Promise<Report> {
  const { store, skipInvalid = false } = options;
  const startedMs = performance.now();
  const stored = await readStored(store, await Promise.all(folders.map(slugOf)));
  const credentials = await readCredentials(store);
  const positions = await openPositions(options.pool, store);
  const secrets = {
    tokens: new Map(credentials.tokens.map(({ fact }) => [fact.token_hash, fact.organizer])),
    droidKeys: new Map(credentials.droidKeys.map(({ fact }) => [fact.key_hash, `${fact.organizer}/${fact.event}`])),
  };
  const onProblem = (problem: string) => (skipInvalid ? options.onProblem?.(problem) : undefined);
  const spool = await openSpool();
  let checked: Checked;
  let written: Written;
  let unprinted: NotPrinted;
  try {
    const checking = progress('checking', bytesOf(folders), options);
    checked = await check(folders, {
      stored,
      secrets,
      skipInvalid,
      keep: SHOWN_PROBLEMS,
      spool,
      onProblem,
      ...checking,
    });
    const { problems, problemCount, incomplete, incompleteCount } = checked;
    if (problemCount > 0 && !skipInvalid) throw new InvalidExport(problems, problemCount, incompleteCount);
    if (incompleteCount > 0) throw new InvalidExport(incomplete, incompleteCount, incompleteCount);
    unprinted = await notPrinted(checked.layouts, store);
    const { impliedChannels } = checked;
    const { onObjects, onBytes } = progress('writing', spool.bytes(), options);
    const onProgress = (objects: number, bytes: number) => {
      onBytes(bytes);
      onObjects(objects);
    };
    written = await write(without(spool, checked.leftOut), {
      store,
      positions,
      credentials,
      folder: options.folder,
      impliedChannels,
      onProgress,
    });
  } finally {
    await spool.close();
  }
  const notes = new Map([...checked.notes, ...written.notes]);
  return {
    folder: options.folder,
    import: written.number,
    events: written.events,
    counts: countsOf(checked, written),
    positions: checked.positions,
    problems: checked.problems,
    problemCount: checked.problemCount,
    warnings: [...warnings(notes, missingTokens(checked, credentials)), ...aboutTickets(written.findings)],
    notEnforced: notEnforced(notes),
    notPrinted: unprinted,
    seconds: (performance.now() - startedMs) / 1_000,
  };
}

/** The spool without objects that are left out after they were spooled. */
function without(spool: Spool, streams: ReadonlySet<string>): Spool {
  if (streams.size === 0) return spool;
  return {
    ...spool,
    async *read() {
      for await (const { objects, bytes } of spool.read()) {
        yield { objects: objects.filter(({ stream }) => !streams.has(stream)), bytes };
      }
    },
  };
}

/** The organizer's slug, for reading the stored facts; it is validated later with everything else. */
async function slugOf(folder: OrganizerFolder): Promise<string> {
  const file = folder.files.get('organizer.json');
  const value = file && (await readObject(file)).value;
  const slug = typeof value === 'object' && value !== null && 'slug' in value ? value.slug : undefined;
  return typeof slug === 'string' ? slug : folder.name;
}

function bytesOf(folders: readonly OrganizerFolder[]): number {
  const files = folders.flatMap((folder) => [folder, ...folder.events]).flatMap(({ files: own }) => [...own.values()]);
  return files.reduce((sum, file) => sum + file.bytes, 0);
}

function progress(
  phase: Progress['phase'],
  totalBytes: number,
  options: ImportOptions,
): { onObjects(objects: number): void; onBytes(bytes: number): void } {
  let objects = 0;
  let bytes = 0;
  return {
    onObjects(more) {
      objects += more;
      options.onProgress?.({ phase, objects, fraction: totalBytes === 0 ? 1 : Math.min(bytes / totalBytes, 1) });
    },
    onBytes(more) {
      bytes += more;
    },
  };
}

function countsOf(checked: Checked, written: Written): Map<string, Counts> {
  const counts = new Map<string, Counts>();
  for (const kind of new Set<string>([...written.counts.keys(), ...checked.invalid.keys()])) {
    const none = { new: 0, changed: 0, unchanged: 0 };
    counts.set(kind, { ...(written.counts.get(kind) ?? none), invalid: checked.invalid.get(kind as Kind) ?? 0 });
  }
  return counts;
}

/** Tokens of an earlier import that the folder's `teams.json` does not name: they stay valid. */
function missingTokens(checked: Checked, { tokens }: Credentials): string[] {
  return tokens
    .filter(({ fact }) => fact.import > 0 && !isEnded(fact))
    .filter(({ fact }) => checked.tokens.get(fact.organizer)?.has(fact.token_hash) === false)
    .map(({ fact }) => `${fact.name} (${fact.organizer})`);
}

/** Runs one import at a time; the lock is released with its connection, so a killed import leaves none behind. */
async function alone<T>(pool: Pool, work: () => Promise<T>): Promise<T> {
  const client = await pool.connect().catch((error: unknown) => {
    throw isConnectionError(error) ? new StoreUnavailable('the database is away', { cause: error }) : error;
  });
  let broken = false;
  const onError = () => (broken = true);
  client.on('error', onError);
  try {
    const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [LOCK]);
    if (!rows[0]?.locked) throw new ImportRunning('another import is running; wait for it to end');
    try {
      return await work();
    } finally {
      await client.query('select pg_advisory_unlock($1)', [LOCK]).catch(() => (broken = true));
    }
  } finally {
    client.off('error', onError);
    client.release(broken);
  }
}
