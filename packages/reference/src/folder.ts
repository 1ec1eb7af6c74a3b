import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';

/** A file of an export. `name` is for messages: the path relative to the imported folder, with forward slashes. */
export type SourceFile = { readonly path: string; readonly name: string; readonly bytes: number };

/** Something in a folder that does not follow the format, so that the import might lack part of the export. */
export type FolderProblem = { readonly name: string; readonly reason: string };

/** A folder of an export and the files in it, by their names. */
export type SourceFolder = {
  readonly name: string;
  readonly files: ReadonlyMap<string, SourceFile>;
  readonly problems: readonly FolderProblem[];
};

/** One organizer's export (import.md §1). */
export type OrganizerFolder = SourceFolder & { readonly events: readonly SourceFolder[] };

/** The folder is no export; the message says why. */
export class NoExport extends Error {
  override name = 'NoExport';
}

const ORGANIZER_FILES = ['organizer.json', 'teams.json', 'devices.json', 'seatingplans.json', 'saleschannels.json'];
const EVENT_FILES = [
  ...['event.json', 'settings.json', 'subevents.json', 'categories.json', 'items.json', 'quotas.json'],
  ...['questions.json', 'checkinlists.json', 'vouchers.json', 'waitinglistentries.json', 'cartpositions.json'],
  ...['seats.json', 'taxrules.json', 'ticketlayouts.json', 'checkins.json', 'droidkeys.json'],
  ...['badgelayouts.json', 'badgeitems.json', 'revokedsecrets.json', 'blockedsecrets.json'],
  ...['orders.ndjson', 'orders.json'],
];

/** The organizers of a folder: the folder itself when it has an `organizer.json`, else its folders that have one. Throws NoExport. */
export async function openFolder(path: string): Promise<OrganizerFolder[]> {
  const top = await openTop(path);
  if (top) return [top];
  const { folders } = await foldersIn(path, '');
  const organizers: OrganizerFolder[] = [];
  for (const name of folders) {
    const organizer = await openOrganizer(join(path, name), `${name}/`);
    if (organizer) organizers.push(organizer);
  }
  if (organizers.length > 0) return organizers;
  throw new NoExport(
    `${path} has no organizer.json, and no folder in it has one. An export is a folder with organizer.json at its top, ` +
      'or a folder of such folders.',
  );
}

async function openTop(path: string): Promise<OrganizerFolder | undefined> {
  try {
    if ((await stat(path)).isDirectory()) return await openOrganizer(path, '');
  } catch (error) {
    const missing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
    throw new NoExport(missing ? `${path}: there is no such folder` : `${path} ${unreadable(error)}`);
  }
  const advice = COMPRESSED.test(path) ? 'unpack it' : 'it is not a folder';
  throw new NoExport(`${path} is a file (${advice}); name the folder that organizer.json lies in`);
}

async function openOrganizer(path: string, prefix: string): Promise<OrganizerFolder | undefined> {
  const own = await filesIn(path, prefix, ORGANIZER_FILES);
  if (!own.files.has('organizer.json') && !own.problems.some(({ name }) => /organizer\.json/i.test(name))) {
    return undefined;
  }
  const found = await foldersIn(join(path, 'events'), `${prefix}events`);
  const events: SourceFolder[] = [];
  for (const name of found.folders) {
    const folder = await filesIn(join(path, 'events', name), `${prefix}events/${name}/`, EVENT_FILES);
    events.push({ name, ...folder });
  }
  return { name: basename(path), files: own.files, problems: [...own.problems, ...found.problems], events };
}

type Found = { files: Map<string, SourceFile>; problems: FolderProblem[] };

/** The files of the format; others are ignored (import.md §1), except those that look like a misnamed one. */
async function filesIn(path: string, prefix: string, known: readonly string[]): Promise<Found> {
  const files = new Map<string, SourceFile>();
  const problems: FolderProblem[] = [];
  const report = (name: string, reason: string) => problems.push({ name: prefix + name, reason });
  const names = await readdir(path).catch((error: unknown) => {
    problems.push({ name: prefix === '' ? path : prefix, reason: unreadable(error) });
    return [] as string[];
  });
  for (const name of names.sort()) {
    if (name.startsWith('.')) continue;
    if (!known.includes(name)) {
      const meant = meantBy(name, known);
      if (meant === undefined) continue;
      const beside = names.includes(meant);
      if (COMPRESSED.test(name) && !beside) report(name, `is compressed: unpack it to ${meant}`);
      else if (!beside) report(name, `is not read under this name: it must be ${meant}`);
      else if (!COMPRESSED.test(name)) report(name, twoFiles(prefix + meant));
      continue;
    }
    const file = join(path, name);
    try {
      const found = await stat(file);
      if (found.isFile()) files.set(name, { path: file, name: prefix + name, bytes: found.size });
      else report(name, found.isDirectory() ? 'is a folder; it must be a file' : 'is no ordinary file');
    } catch (error) {
      report(name, unreadable(error));
    }
  }
  if (files.has('orders.ndjson') && files.has('orders.json')) report('orders.json', twoFiles(`${prefix}orders.ndjson`));
  return { files, problems };
}

const twoFiles = (other: string): string =>
  `is there beside ${other}: two files for one thing; remove the one that is out of date`;

const COMPRESSED = /\.(gz|zip|bz2|xz|zst|7z|tar|tgz)$/i;

/**
 * `Items.json`, `items.json.gz` and `orders.jsonl` are probably meant to be imported; ignoring them would lose data
 * silently.
 */
function meantBy(name: string, known: readonly string[]): string | undefined {
  const plain = name.replace(COMPRESSED, '').toLowerCase();
  const stem = plain.replace(/\.(json|ndjson|jsonl)$/, '');
  return known.find((each) => each === plain) ?? known.find((each) => stem !== plain && each.split('.')[0] === stem);
}

async function foldersIn(path: string, shown: string): Promise<{ folders: string[]; problems: FolderProblem[] }> {
  const folders: string[] = [];
  const problems: FolderProblem[] = [];
  const names = await readdir(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOTDIR') problems.push({ name: shown, reason: 'is a file; it must be a folder' });
    else if (codeOf(error) !== 'ENOENT') problems.push({ name: shown, reason: unreadable(error) });
    return [] as string[];
  });
  for (const name of names.sort()) {
    // Left behind by archives of macOS.
    if (name.startsWith('.') || name === '__MACOSX') continue;
    try {
      if ((await stat(join(path, name))).isDirectory()) folders.push(name);
    } catch (error) {
      problems.push({ name: `${shown}/${name}`, reason: unreadable(error) });
    }
  }
  return { folders, problems };
}

const codeOf = (error: unknown): unknown =>
  typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;

/** Why a file or folder cannot be read. Rethrows any other error. */
export function unreadable(error: unknown): string {
  const code = codeOf(error);
  if (typeof code !== 'string' || !/^E[A-Z0-9]+$/.test(code)) throw error;
  if (code === 'EACCES' || code === 'EPERM') return 'cannot be read: permission denied';
  if (code === 'ENOENT' || code === 'ELOOP') return 'cannot be read: it leads nowhere, or was removed';
  return `cannot be read (${code})`;
}
