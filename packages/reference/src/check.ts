import { MAX_APPEND_BYTES } from '@gatehouse/eventing/event-store';
import type { OrganizerFolder, SourceFile } from './folder';
import { place } from './folder';
import { IdTable } from './id-table';
import { knownEvent, variationsOf, type KnownEvent } from './known';
import type { Note } from './raw';
import { owners, type OwnedKind, type Stored } from './stored';
import { told, walk, type Contents, type Entry, type Kind, type Walk } from './walk';

/** Credentials that earlier imports or the command line brought, by the hash of their secret: whose they are. */
export type KnownSecrets = {
  readonly tokens: ReadonlyMap<string, string>;
  readonly droidKeys: ReadonlyMap<string, string>;
};

export type Checked = {
  /** How the folder is walked again to write it: passing over what was wrong. */
  readonly walk: Walk;
  readonly problems: readonly string[];
  /** All problems; `problems` has the first of them. */
  readonly problemCount: number;
  readonly valid: ReadonlyMap<Kind, number>;
  readonly invalid: ReadonlyMap<Kind, number>;
  readonly positions: number;
  readonly notes: ReadonlyMap<Note, number>;
  /** Hashes of the tokens that the folder names, of organizers that have a `teams.json`. */
  readonly tokens: ReadonlyMap<string, ReadonlySet<string>>;
};

export type CheckOptions = {
  readonly stored: Stored;
  readonly secrets: KnownSecrets;
  readonly skipInvalid: boolean;
  /** How many problems are kept. */
  readonly keep: number;
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
  const wrong = new Map<string, Set<number>>();
  const channels = new Map<string, Set<string>>();
  const tokens = new Map<string, Set<string>>();
  const problems: string[] = [];
  const valid = new Map<Kind, number>();
  const invalid = new Map<Kind, number>();
  const notes = new Map<Note, number>();
  let problemCount = 0;
  let positions = 0;

  const skip = (file: SourceFile, index: number): boolean => wrong.get(file.name)?.has(index) ?? false;
  const walking: Walk = {
    event(organizer, event) {
      const name = `${organizer}/${event}`;
      let known = stored.events.get(name);
      if (!known) stored.events.set(name, (known = knownEvent(organizer, event)));
      return known;
    },
    // Without --skip-invalid the objects of an event that is wrong are checked all the same, to tell of everything at once.
    skip: (file, index) => options.skipInvalid && skip(file, index),
    channels: (organizer) => [...(channels.get(organizer) ?? [])],
    onBytes: (bytes) => options.onBytes(bytes),
  };

  for await (const entries of walk(folders, { ...walking, channels: () => [] })) {
    for (const entry of entries) {
      if (entry.content !== undefined) claim(entry);
      if (entry.suspect && entry.content !== undefined) checkStorable(entry);
      if (entry.issues.length > 0) refuse(entry);
      else accept(entry);
    }
    options.onObjects(entries.length);
  }
  return { walk: { ...walking, skip }, problems, problemCount, valid, invalid, positions, notes, tokens };

  function refuse(entry: Entry): void {
    bump(invalid, entry.kind);
    let indexes = wrong.get(entry.file.name);
    if (!indexes) wrong.set(entry.file.name, (indexes = new Set()));
    indexes.add(entry.index);
    for (const issue of entry.issues) {
      const problem = told(entry, issue);
      problemCount++;
      if (problems.length < options.keep) problems.push(problem);
      options.onProblem(problem);
    }
  }

  function accept(entry: Entry): void {
    if (entry.kind === 'token') bump(valid, 'token', entry.content!.length);
    else if (entry.kind !== 'scan' && entry.kind !== 'plan') bump(valid, entry.kind);
    for (const note of entry.notes) bump(notes, note);
    learn(entry);
  }

  /** Makes what is right known to what comes after it. */
  function learn(entry: Entry): void {
    switch (entry.kind) {
      case 'organizer':
        channels.set(entry.content!.organizer, new Set(['web']));
        if (folders.some(({ files }) => files.get('organizer.json') === entry.file && files.has('teams.json'))) {
          tokens.set(entry.content!.organizer, new Set());
        }
        return;
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

  function checkStorable(entry: Entry): void {
    const text = JSON.stringify(entry.content);
    if (/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(text)) {
      entry.issues.push({ path: '', reason: 'has a NUL or half a surrogate pair in a text' });
    }
    const bytes = Buffer.byteLength(text) + 500;
    if (bytes > MAX_APPEND_BYTES) {
      entry.issues.push({ path: '', reason: `is too large: ${bytes} bytes of at most ${MAX_APPEND_BYTES}` });
    }
  }
}

const ownerOf = (content: { organizer: string; event: string }): string => `${content.organizer}/${content.event}`;

function bump<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
