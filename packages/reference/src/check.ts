import { problemOfRules } from '@gatehouse/domain/rules';
import { openClaims, type KnownSecrets } from './claims';
import { printable, problemOf, type Entry, type Kind } from './entry';
import type { OrganizerFolder } from './folder';
import type { LayoutOfExport } from './layout-files';
import type { Note } from './raw';
import { sameSecrets } from './same-secret';
import type { Spool } from './spool';
import type { Stored } from './stored';
import { walk } from './walk';

/** The result of checking an export; the valid objects are in the spool. */
export type Checked = {
  readonly problems: readonly string[];
  /** All problems; `problems` has the first of them. */
  readonly problemCount: number;
  /** The first of, and the number of, problems of the export as a whole, which cannot be left out. */
  readonly incomplete: readonly string[];
  readonly incompleteCount: number;
  /** Streams of objects that are in the spool but are left out. */
  readonly leftOut: ReadonlySet<string>;
  readonly invalid: ReadonlyMap<Kind, number>;
  readonly positions: number;
  readonly notes: ReadonlyMap<Note, number>;
  /** What is not understood of lists' rules: the first of them. */
  readonly rules: readonly string[];
  readonly layouts: readonly LayoutOfExport[];
  /**
   * Sales channels by organizer, for organizers without a `saleschannels.json`: `web` and every one that lists and orders
   * name.
   */
  readonly impliedChannels: ReadonlyMap<string, ReadonlySet<string>>;
  /** Hashes of the tokens in the folder, for organizers that have a `teams.json`. */
  readonly tokens: ReadonlyMap<string, ReadonlySet<string>>;
};

/** What an export is checked against, and where the findings go. */
export type CheckOptions = {
  readonly stored: Stored;
  readonly secrets: KnownSecrets;
  readonly skipInvalid: boolean;
  /** The maximum number of problems in the result. */
  readonly keep: number;
  /** Receives the facts of valid objects in their order. */
  readonly spool: Pick<Spool, 'add' | 'read'>;
  onBytes(bytes: number): void;
  onObjects(objects: number): void;
  onProblem(problem: string): void;
};

/**
 * Reads the whole folder and finds all its problems, keeping little more than ids in memory. Valid objects go to the spool,
 * as long as the import may still write something.
 */
export async function check(folders: readonly OrganizerFolder[], options: CheckOptions): Promise<Checked> {
  const { stored, secrets, skipInvalid, spool } = options;
  const claims = openClaims({ owners: stored.owners, secrets, skipInvalid });
  const channels = new Map<string, Set<string>>();
  const tokens = new Map<string, Set<string>>();
  const problems: string[] = [];
  const incomplete: string[] = [];
  const invalid = new Map<Kind, number>();
  const notes = new Map<Note, number>();
  const rules: string[] = [];
  const layouts: LayoutOfExport[] = [];
  let problemCount = 0;
  let incompleteCount = 0;
  let positions = 0;

  for (const folder of folders.flatMap((each) => [each, ...each.events])) {
    for (const { name, reason } of folder.problems) report(printable(`${name}: ${reason}`), true);
  }
  const { onBytes } = options;
  const onLayout = (layout: LayoutOfExport) => layouts.push(layout);
  for await (const entries of walk(folders, { known: stored.events, claims, skipInvalid, onBytes, onLayout })) {
    for (const entry of entries) {
      if (entry.issues.length === 0) countIn(entry);
      else refuse(entry);
    }
    const valid = entries.flatMap(({ issues, lines }) => (issues.length === 0 ? lines : []));
    // After a problem nothing will be written, so nothing is spooled.
    const goesOn = incompleteCount === 0 && (problemCount === 0 || skipInvalid);
    if (valid.length > 0 && goesOn) await spool.add(valid);
    options.onObjects(entries.length);
  }
  const leftOut = await leaveOutSameSecrets();
  return {
    ...{ problems, problemCount, incomplete, incompleteCount, leftOut },
    ...{ invalid, positions, notes, rules, layouts, tokens, impliedChannels: channels },
  };

  function refuse(entry: Entry): void {
    bump(invalid, entry.kind);
    for (const issue of entry.issues) report(problemOf(entry, issue), issue.incomplete === true);
  }

  function report(problem: string, isIncomplete: boolean): void {
    problemCount++;
    if (problems.length < options.keep) problems.push(problem);
    if (isIncomplete) {
      incompleteCount++;
      if (incomplete.length < options.keep) incomplete.push(problem);
      // After an incompleteness nothing is left out, because nothing is imported.
    } else if (incompleteCount === 0) options.onProblem(problem);
  }

  /** Finds the orders that must give up a shared secret; they are in the spool already. Returns their streams. */
  async function leaveOutSameSecrets(): Promise<Set<string>> {
    const streams = new Set<string>();
    if (claims.contested.size === 0 || incompleteCount > 0) return streams;
    for (const loser of await sameSecrets(spool, claims.contested)) {
      const rival = `position ${loser.by} (${claims.placeOfPosition(loser.by)})`;
      const reason = `position ${loser.position} has the same secret as ${rival}`;
      streams.add(loser.stream);
      positions -= loser.positions;
      bump(invalid, 'order');
      report(`${claims.placeOfPosition(loser.position)}: ${reason}`, false);
    }
    return streams;
  }

  function countIn(entry: Entry): void {
    for (const note of entry.notes) bump(notes, note);
    if (entry.notes.includes('list.rules') && rules.length < MOST_RULES) rules.push(rulesOf(entry));
    switch (entry.kind) {
      case 'organizer': {
        const { organizer } = entry.content!;
        const { files } = folders.find((folder) => folder.files.get('organizer.json') === entry.file)!;
        if (!files.has('saleschannels.json')) channels.set(organizer, new Set(['web']));
        if (files.has('teams.json')) tokens.set(organizer, new Set());
        return;
      }
      case 'token':
        for (const { organizer, token_hash: hash } of entry.content!) tokens.get(organizer)?.add(hash);
        return;
      case 'list':
        for (const channel of entry.content!.auto_checkin_sales_channels) {
          channels.get(entry.content!.organizer)?.add(channel);
        }
        return;
      case 'order':
        positions += entry.content!.positions.length;
        channels.get(entry.content!.organizer)?.add(entry.content!.sales_channel);
        return;
      default:
    }
  }
}

function bump<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Lists whose rules are named in the report. */
const MOST_RULES = 10;

/** `"VIP entrance" (2): the variable "gate" is not known` */
const rulesOf = (entry: Entry): string =>
  entry.kind === 'list' && entry.content
    ? printable(`"${entry.content.name}" (${entry.content.id}): ${problemOfRules(entry.content.rules)}`)
    : '';
