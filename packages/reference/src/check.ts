import { MAX_APPEND_BYTES } from '@gatehouse/eventing/event-store';
import type { OrganizerFolder } from './folder';
import { place } from './folder';
import { IdTable } from './id-table';
import { knownEvent, variationsOf, type KnownEvent } from './known';
import type { Note } from './raw';
import { spooledOf } from './facts';
import type { Spooled } from './spool';
import { owners, type OwnedKind, type Stored } from './stored';
import { told, walk, type Contents, type Entry, type Kind, type Walk } from './walk';

/** Credentials that earlier imports or the command line brought, by the hash of their secret: whose they are. */
export type KnownSecrets = {
  readonly tokens: ReadonlyMap<string, string>;
  readonly droidKeys: ReadonlyMap<string, string>;
};

export type Checked = {
  readonly problems: readonly string[];
  /** All problems; `problems` has the first of them. */
  readonly problemCount: number;
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
  /** Takes the objects that are right, in their order. */
  take(objects: readonly Spooled[]): Promise<void>;
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
  const seen = owners();
  const names = new Map<string, string>();
  const codes = new IdTable();
  const secrets = new IdTable();
  const seats = new IdTable();
  const leftOut = new Set<string>();
  const channels = new Map<string, Set<string>>();
  const tokens = new Map<string, Set<string>>();
  const problems: string[] = [];
  const invalid = new Map<Kind, number>();
  const notes = new Map<Note, number>();
  let problemCount = 0;
  let positions = 0;

  const walking: Walk = {
    event(organizer, event) {
      const name = `${organizer}/${event}`;
      let known = stored.events.get(name);
      if (!known) stored.events.set(name, (known = knownEvent(organizer, event)));
      return known;
    },
    // Without --skip-invalid the objects of an event that is wrong are checked all the same, to tell of everything at once.
    leftOut: (file) => options.skipInvalid && leftOut.has(file.name),
    onBytes: (bytes) => options.onBytes(bytes),
  };

  for await (const entries of walk(folders, walking)) {
    const right: Spooled[] = [];
    for (const entry of entries) {
      // Nothing of these is imported, so nothing can be wrong with them.
      if (entry.kind === 'scan') entry.issues.length = 0;
      if (entry.content !== undefined) claim(entry);
      const objects = entry.content === undefined ? [] : spooledOf(entry);
      for (const { json } of objects) checkStorable(entry, json);
      if (entry.issues.length > 0) refuse(entry);
      else {
        accept(entry);
        right.push(...objects);
      }
    }
    // Once something is wrong nothing will be written.
    if (right.length > 0 && (problemCount === 0 || options.skipInvalid)) await options.take(right);
    options.onObjects(entries.length);
  }
  return { problems, problemCount, invalid, positions, notes, tokens, impliedChannels: channels };

  function refuse(entry: Entry): void {
    bump(invalid, entry.kind);
    if (entry.kind === 'organizer' || entry.kind === 'event') leftOut.add(entry.file.name);
    for (const issue of entry.issues) {
      const problem = told(entry, issue);
      problemCount++;
      if (problems.length < options.keep) problems.push(problem);
      options.onProblem(problem);
    }
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
  ): boolean {
    const owner = ownerOf(content);
    const before = seen.of(kind, id);
    if (before === owner && kind !== 'position') {
      entry.issues.push({ path, reason: `${id} was named before in this event` });
      return false;
    }
    const other = before ?? stored.owners.of(kind, id);
    if (other !== undefined && other !== owner) {
      const reason = `${id} of ${owner} is an id of ${other}, too; an installation of pretix gives an id once`;
      entry.issues.push({ path, reason });
      return false;
    }
    if (before === undefined) seen.set(kind, id, owner);
    return before === undefined;
  }

  function claimGuid(entry: Entry, seat: Contents['seat']): void {
    const name = `${ownerOf(seat)} ${seat.subevent} ${seat.seat_guid}`;
    if (seats.get(name) === undefined) seats.set(name, 0);
    else entry.issues.push({ path: 'seat_guid', reason: `${seat.seat_guid} was named before for this date` });
  }

  function claimOrder(entry: Entry, order: Contents['order']): void {
    const code = `${order.organizer}/${order.code}`;
    const before = codes.get(code);
    if (before === undefined) codes.set(code, entry.index);
    else entry.issues.push({ path: 'code', reason: `${order.code} was named before (at ${before})` });
    order.positions.forEach((position, i) => {
      const first = claimId(entry, 'position', position.id, order, `positions[${i}].id`);
      if (!first && entry.issues.length === 0) bump(notes, 'position.two_orders');
      if (position.canceled) return;
      const secret = `${ownerOf(order)} ${position.secret}`;
      const holder = secrets.get(secret);
      if (holder === undefined) secrets.set(secret, position.id);
      else if (holder !== position.id) {
        entry.issues.push({ path: `positions[${i}].secret`, reason: `position ${holder} has the same secret` });
      }
    });
  }

  function checkStorable(entry: Entry, json: string): void {
    if (json.includes('\\u') && /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(json)) {
      entry.issues.push({ path: '', reason: 'has a NUL or half a surrogate pair in a text' });
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

const sizeOf = (content: object): number => Buffer.byteLength(JSON.stringify(content));

const ownerOf = (content: { organizer: string; event: string }): string => `${content.organizer}/${content.event}`;

function bump<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
