import { MAX_APPEND_BYTES } from '@gatehouse/eventing/event-store';
import { isStorable } from '@gatehouse/eventing/storable';
import type { OrganizerFolder } from './folder';
import { IdTable } from './id-table';
import { knownEvent, variationsOf, type KnownEvent } from './known';
import { places } from './places';
import type { Note } from './raw';
import { spooledOf } from './facts';
import { place } from './rows';
import { sameSecrets, secretKey } from './same-secret';
import type { Spool, Spooled } from './spool';
import type { OwnedKind, Stored } from './stored';
import { printable, told, walk, type Contents, type Entry, type Kind, type Walk } from './walk';

/** Credentials that earlier imports or the command line brought, by the hash of their secret: whose they are. */
export type KnownSecrets = {
  readonly tokens: ReadonlyMap<string, string>;
  readonly droidKeys: ReadonlyMap<string, string>;
};

export type Checked = {
  readonly problems: readonly string[];
  /** All problems; `problems` has the first of them. */
  readonly problemCount: number;
  /** Of these, those of the export as a whole, which cannot be left out: the first, and how many there are. */
  readonly incomplete: readonly string[];
  readonly incompleteCount: number;
  /** Streams of what is in the spool and was left out afterwards. */
  readonly leftOut: ReadonlySet<string>;
  readonly invalid: ReadonlyMap<Kind, number>;
  readonly positions: number;
  readonly notes: ReadonlyMap<Note, number>;
  /** Sales channels by organizer, of those without a `saleschannels.json`: `web` and every one that lists and orders name. */
  readonly impliedChannels: ReadonlyMap<string, ReadonlySet<string>>;
  /** Hashes of the tokens that the folder names, of organizers that have a `teams.json`. */
  readonly tokens: ReadonlyMap<string, ReadonlySet<string>>;
};

export type CheckOptions = {
  readonly stored: Stored;
  readonly secrets: KnownSecrets;
  readonly skipInvalid: boolean;
  /** How many problems are kept. */
  readonly keep: number;
  /** Gets the objects that are right, in their order. */
  readonly spool: Pick<Spool, 'add' | 'read'>;
  onBytes(bytes: number): void;
  onObjects(objects: number): void;
  onProblem(problem: string): void;
};

/**
 * Reads the whole folder and finds everything that is wrong with it, remembering little more than ids. What is right becomes
 * known, so that it may be referred to.
 */
export async function check(folders: readonly OrganizerFolder[], options: CheckOptions): Promise<Checked> {
  const { stored } = options;
  const where = places();
  /** Where an id, an order's code and a seat was named, as a number of `where`. */
  const seen = new Map<OwnedKind, IdTable>();
  const codes = new IdTable();
  const seats = new IdTable();
  const names = new Map<string, string>();
  /** Positions by their secrets: 18 to 36 bytes a ticket. */
  const secrets = new IdTable();
  const contested = new Set<string>();
  const leftOut = new Set<string>();
  const channels = new Map<string, Set<string>>();
  const tokens = new Map<string, Set<string>>();
  const problems: string[] = [];
  const incomplete: string[] = [];
  const invalid = new Map<Kind, number>();
  const notes = new Map<Note, number>();
  let problemCount = 0;
  let incompleteCount = 0;
  let positions = 0;

  const walking: Walk = {
    event(organizer, event) {
      const name = `${organizer}/${event}`;
      let known = stored.events.get(name);
      if (!known) stored.events.set(name, (known = knownEvent(organizer, event)));
      return known;
    },
    // Where nothing will be imported the objects of an event that is wrong are checked all the same, to tell of everything at once.
    leftOut: (file) => options.skipInvalid && incompleteCount === 0 && leftOut.has(file.name),
    onBytes: (bytes) => options.onBytes(bytes),
  };

  for (const folder of folders.flatMap((each) => [each, ...each.events])) {
    for (const { name, reason } of folder.problems) tell(printable(`${name}: ${reason}`), true);
  }
  for await (const entries of walk(folders, walking)) {
    const right: Spooled[] = [];
    for (const entry of entries) {
      // Nothing of these is imported, so nothing can be wrong with them but that some are missing.
      if (entry.kind === 'scan') entry.issues.splice(0, Infinity, ...entry.issues.filter((issue) => issue.incomplete));
      const objects = entry.content === undefined ? [] : spooledOf(entry);
      for (const { json } of objects) checkStorable(entry, json);
      // What is left out holds nothing that belongs to others.
      if (entry.content !== undefined && (entry.issues.length === 0 || !options.skipInvalid)) claim(entry);
      if (entry.issues.length > 0) refuse(entry);
      else {
        accept(entry);
        right.push(...objects);
      }
    }
    // Once something is wrong nothing will be written.
    const goesOn = incompleteCount === 0 && (problemCount === 0 || options.skipInvalid);
    if (right.length > 0 && goesOn) await options.spool.add(right);
    options.onObjects(entries.length);
  }
  const beaten = await leaveOutBeaten();
  return {
    ...{ problems, problemCount, incomplete, incompleteCount, leftOut: beaten },
    ...{ invalid, positions, notes, tokens, impliedChannels: channels },
  };

  function refuse(entry: Entry): void {
    bump(invalid, entry.kind);
    if (entry.kind === 'organizer' || entry.kind === 'event') leftOut.add(entry.file.name);
    for (const issue of entry.issues) tell(told(entry, issue), issue.incomplete === true);
  }

  function tell(problem: string, isIncomplete: boolean): void {
    problemCount++;
    if (problems.length < options.keep) problems.push(problem);
    if (isIncomplete) {
      incompleteCount++;
      if (incomplete.length < options.keep) incomplete.push(problem);
      // From here on nothing is left out, because nothing is imported.
    } else if (incompleteCount === 0) options.onProblem(problem);
  }

  /** Of the orders that share a secret, those that cannot stay; they are in the spool already. Answers their streams. */
  async function leaveOutBeaten(): Promise<Set<string>> {
    const streams = new Set<string>();
    if (contested.size === 0 || incompleteCount > 0) return streams;
    for (const loser of await sameSecrets(options.spool, contested)) {
      const mine = where.of(seen.get('position')!.get(loser.position)!);
      const rival = where.of(seen.get('position')!.get(loser.by)!);
      const reason = `position ${loser.position} has the same secret as position ${loser.by} (${rival.told})`;
      streams.add(loser.stream);
      positions -= loser.positions;
      bump(invalid, 'order');
      tell(`${mine.told}: ${reason}`, false);
    }
    return streams;
  }

  function accept(entry: Entry): void {
    for (const note of entry.notes) bump(notes, note);
    learn(entry);
  }

  /** Makes what is right known to what comes after it. */
  function learn(entry: Entry): void {
    switch (entry.kind) {
      case 'organizer': {
        const { organizer } = entry.content!;
        const files = folders.find((folder) => folder.files.get('organizer.json') === entry.file)!.files;
        if (!files.has('saleschannels.json')) channels.set(organizer, new Set(['web']));
        if (files.has('teams.json')) tokens.set(organizer, new Set());
        return;
      }
      case 'token':
        for (const { organizer, token_hash: hash } of entry.content!) tokens.get(organizer)?.add(hash);
        return;
      case 'item':
        eventOf(entry.content!).items.set(entry.content!.id, variationsOf(entry.content!));
        return;
      case 'date':
        eventOf(entry.content!).dates.set(entry.content!.id, entry.content!.seatingPlan);
        return;
      case 'list':
        eventOf(entry.content!).lists.add(entry.content!.id);
        for (const channel of entry.content!.auto_checkin_sales_channels)
          channels.get(entry.content!.organizer)?.add(channel);
        return;
      case 'question':
        eventOf(entry.content!).questions?.add(entry.content!.id);
        return;
      case 'category':
        eventOf(entry.content!).categories?.add(entry.content!.id);
        return;
      case 'taxrule':
        eventOf(entry.content!).taxRules?.add(entry.content!.id);
        return;
      case 'quota':
        eventOf(entry.content!).quotas?.add(entry.content!.id);
        return;
      case 'order':
        positions += entry.content!.positions.length;
        channels.get(entry.content!.organizer)?.add(entry.content!.sales_channel);
        return;
      default:
    }
  }

  function eventOf(content: { organizer: string; event: string }): KnownEvent {
    return walking.event(content.organizer, content.event);
  }

  /** Whether what an object calls its own is free. */
  function claim(entry: Entry): void {
    switch (entry.kind) {
      case 'plan':
      case 'scan':
        return;
      case 'organizer':
        return claimName(entry, `organizer ${entry.content!.organizer}`, 'slug');
      case 'event':
        return claimName(entry, `event ${entry.content!.organizer}/${entry.content!.event}`, 'slug');
      case 'channel':
        return claimName(entry, `channel ${entry.content!.organizer}/${entry.content!.identifier}`, 'identifier');
      case 'device':
        return claimName(entry, `device ${entry.content!.organizer}/${entry.content!.device_id}`, 'device_id');
      case 'droidkey':
        return claimSecret(entry, 'key', entry.content!.key_hash, options.secrets.droidKeys, ownerOf(entry.content!));
      case 'token':
        entry.content!.forEach((token, i) =>
          claimSecret(entry, `tokens[${i}].token`, token.token_hash, options.secrets.tokens, token.organizer),
        );
        return;
      case 'order':
        return claimOrder(entry, entry.content!);
      case 'item':
        claimId(entry, 'item', entry.content!.id, entry.content!);
        entry.content!.variations.forEach(({ id }, i) => {
          claimId(entry, 'variation', id, entry.content!, `variations[${i}].id`);
        });
        return;
      case 'seat':
        claimId(entry, 'seat', entry.content!.id, entry.content!);
        return claimGuid(entry, entry.content!);
      default:
        claimId(entry, entry.kind, entry.content!.id, entry.content!);
    }
  }

  function claimName(entry: Entry, name: string, path: string): void {
    const before = names.get(name);
    if (before === undefined) names.set(name, place(entry.file, entry.index));
    else entry.issues.push({ path, reason: `${name} is in ${before}, too` });
  }

  // eslint-disable-next-line @typescript-eslint/max-params -- private, and each is something else
  function claimSecret(
    entry: Entry,
    path: string,
    hash: string,
    known: ReadonlyMap<string, string>,
    owner: string,
  ): void {
    const name = `secret ${path.replace(/\W.*/, '')} ${hash}`;
    const before = names.get(name);
    const owned = known.get(hash);
    if (before !== undefined) entry.issues.push({ path, reason: `the same one is in ${before}, too` });
    else if (owned !== undefined && owned !== owner)
      entry.issues.push({ path, reason: `it is one of ${owned} already` });
    else names.set(name, place(entry.file, entry.index));
  }

  /** An id belongs to one event of one organizer of the one installation of pretix that is mirrored here (import.md §3). */
  // eslint-disable-next-line @typescript-eslint/max-params -- private, and each is something else
  function claimId(
    entry: Entry,
    kind: OwnedKind,
    id: number,
    content: { organizer: string; event: string },
    path = 'id',
  ): void {
    let ids = seen.get(kind);
    if (!ids) seen.set(kind, (ids = new IdTable()));
    const owner = ownerOf(content);
    const number = ids.get(id);
    const before = number === undefined ? undefined : where.of(number);
    const other = before?.owner ?? stored.owners.of(kind, id);
    if (other !== undefined && other !== owner) {
      const reason = `${id} of ${owner} is an id of ${other}, too; an installation of pretix gives an id once`;
      entry.issues.push({ path, reason });
    } else if (before && kind !== 'position') entry.issues.push({ path, reason: `${id} is in ${before.told}, too` });
    else if (before) bump(notes, 'position.two_orders');
    else ids.set(id, where.number(entry, owner));
  }

  function claimGuid(entry: Entry, seat: Contents['seat']): void {
    const name = `${ownerOf(seat)} ${seat.subevent} ${seat.seat_guid}`;
    const before = seats.get(name);
    if (before === undefined) seats.set(name, where.number(entry, ownerOf(seat)));
    else {
      entry.issues.push({
        path: 'seat_guid',
        reason: `${seat.seat_guid} is in ${where.of(before).told}, too, for this date`,
      });
    }
  }

  function claimOrder(entry: Entry, order: Contents['order']): void {
    const code = `${order.organizer}/${order.code}`;
    const before = codes.get(code);
    if (before === undefined) codes.set(code, where.number(entry, ownerOf(order)));
    else entry.issues.push({ path: 'code', reason: `${order.code} is in ${where.of(before).told}, too` });
    order.positions.forEach((position, i) => {
      claimId(entry, 'position', position.id, order, `positions[${i}].id`);
      if (position.canceled) return;
      const secret = secretKey(order, position.secret);
      const holder = secrets.get(secret);
      if (holder === undefined) secrets.set(secret, position.id);
      else if (holder !== position.id) claimSame(entry, i, { secret, holder });
    });
  }

  /** One secret on two tickets: with --skip-invalid all orders are looked at before it is decided which one stays. */
  function claimSame(entry: Entry, index: number, same: { secret: string; holder: number }): void {
    if (options.skipInvalid) {
      contested.add(same.secret);
      return;
    }
    const { told: place } = where.of(seen.get('position')!.get(same.holder)!);
    const reason = `position ${same.holder} (${place}) has the same secret`;
    entry.issues.push({ path: `positions[${index}].secret`, reason });
  }

  function checkStorable(entry: Entry, json: string): void {
    if (json.includes('\\u') && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(json)) {
      const path = unstorableIn(entry.content, '') ?? '';
      entry.issues.push({ path, reason: 'has a NUL or half a surrogate pair in a text' });
    }
    // A UTF-16 unit is at most three bytes, so most objects need not be measured.
    if (json.length * 3 < MAX_CONTENT_BYTES) return;
    if (entry.kind === 'order') return checkParts(entry, entry.content!);
    checkSize(entry, '', Buffer.byteLength(json));
  }

  /** An order may be written in parts, but not what is the same in all of them, nor a single position (order-parts.ts). */
  function checkParts(entry: Entry, { positions: all, ...rest }: Contents['order']): void {
    const restBytes = sizeOf(rest);
    if (!checkSize(entry, '', restBytes)) return;
    all.forEach((position, i) => checkSize(entry, `positions[${i}]`, restBytes + sizeOf(position)));
  }

  function checkSize(entry: Entry, path: string, bytes: number): boolean {
    if (bytes <= MAX_CONTENT_BYTES) return true;
    entry.issues.push({ path, reason: `is too large: ${bytes} bytes of at most ${MAX_CONTENT_BYTES}` });
    return false;
  }
}

/** An append is a little more than its content. */
const MAX_CONTENT_BYTES = MAX_APPEND_BYTES - 1_000;

/** Where in an object a text stands that cannot be stored. */
function unstorableIn(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, below] of Object.entries(value)) {
    if (!isStorable(key)) return path;
    const step = Array.isArray(value) ? `[${key}]` : path === '' ? key : `.${key}`;
    const found = unstorableIn(below, path + step);
    if (found !== undefined) return found;
  }
  return undefined;
}

const sizeOf = (content: object): number => Buffer.byteLength(JSON.stringify(content));

const ownerOf = (content: { organizer: string; event: string }): string => `${content.organizer}/${content.event}`;

function bump<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
