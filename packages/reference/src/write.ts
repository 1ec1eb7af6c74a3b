import { randomUUID } from 'node:crypto';
import type { NewEvent } from '@gatehouse/events/envelope';
import { reference, referenceStream, type ReferenceEvent } from '@gatehouse/events/reference';
import { WrongRevision } from '@gatehouse/eventing/event-store';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import { listDevices, listDroidKeys, listTokens, stateCredential, type CredentialEvent } from './credentials';
import { eventOf, impliedChannel } from './facts';
import { OWN_IDS_FROM, type Note } from './raw';
import type { DeviceContent, DroidKeyContent, TokenContent } from './raw-credentials';
import { contentHash, type Spool, type Spooled } from './spool';
import type { FactOf, Newest } from './stored';
import type { ReferenceStore } from './store';

/** The newest facts about credentials when the import began. */
export type Credentials = {
  readonly tokens: readonly Newest<FactOf<'TokenStated'>>[];
  readonly devices: readonly Newest<FactOf<'DeviceStated'>>[];
  readonly droidKeys: readonly Newest<FactOf<'DroidKeyStated'>>[];
};

export const readCredentials = async (store: ReferenceStore): Promise<Credentials> => ({
  tokens: await listTokens(store),
  devices: await listDevices(store),
  droidKeys: await listDroidKeys(store),
});

export type Outcome = 'new' | 'changed' | 'unchanged';

export type Written = {
  /** The import's number; null when nothing was written. */
  readonly number: number | null;
  readonly events: number;
  readonly counts: ReadonlyMap<string, Record<Outcome, number>>;
  readonly notes: ReadonlyMap<Note, number>;
};

export type WriteOptions = {
  readonly store: ReferenceStore;
  readonly credentials: Credentials;
  readonly folder: string;
  /** Channels by organizer that are stated only where they are not known yet. */
  readonly impliedChannels: ReadonlyMap<string, ReadonlySet<string>>;
  onProgress(objects: number, bytes: number): void;
};

/** One object on its way into its stream. */
type Planned = Spooled & { readonly implied: boolean };

/** Small, so that nobody waits long behind one of them. */
const CHUNK_OBJECTS = 200;
/** Groups that are under way while the next one is read. */
const IN_FLIGHT = 2;
const MAX_TRIES = 10;
/** Event ids derive from stream, revision and content: an append that is repeated is the same event. */
const NAMESPACE = '5f8f4f2e-7a55-4c53-9c0e-0b9a5c0f4a5d';

/** Appends what is new or changed of the spooled objects, in small groups. While some are being written the next is read. */
export async function write(spool: Spool, options: WriteOptions): Promise<Written> {
  const { store } = options;
  const counts = new Map<string, Record<Outcome, number>>();
  const notes = new Map<Note, number>();
  const import_ = await openImport(store, options.folder);
  const credentials = credentialPlans(options.credentials);
  let events = 0;

  let chunk: Planned[] = [];
  const inFlight: Promise<void>[] = [];
  let issued: Promise<void> = Promise.resolve();
  const send = async (): Promise<void> => {
    const full = chunk;
    chunk = [];
    if (inFlight.length >= IN_FLIGHT) await inFlight.shift();
    const before = issued;
    let done: () => void = () => undefined;
    issued = new Promise((resolve) => (done = resolve));
    const flushing = flush(full, before, done).finally(done);
    // It is awaited later; until then its failure must not count as unhandled.
    flushing.catch(() => undefined);
    inFlight.push(flushing);
  };

  for await (const { objects, bytes } of spool.read()) {
    for (const object of objects) {
      chunk.push({ ...object, implied: false });
      if (object.kind === 'organizer') chunk.push(...channelsOf(object));
      if (chunk.length >= CHUNK_OBJECTS) await send();
    }
    options.onProgress(objects.length, bytes);
  }
  await send();
  for (const flushing of inFlight) await flushing;
  await import_.finish();
  return { number: import_.begun() ? import_.number : null, events, counts, notes };

  function channelsOf(organizer: Spooled): Planned[] {
    const { organizer: slug } = JSON.parse(organizer.json) as FactOf<'OrganizerStated'>;
    const identifiers = [...(options.impliedChannels.get(slug) ?? [])];
    return identifiers.map((identifier) => ({ ...impliedChannel(slug, identifier), implied: true }));
  }

  /** `before` is when the group ahead has been handed to the store; `done` tells that this one has. */
  async function flush(planned: readonly Planned[], before: Promise<void>, done: () => void): Promise<void> {
    const secret = planned.filter(({ stream }) => stream === '');
    await writeFacts(secret.length === 0 ? planned : planned.filter(({ stream }) => stream !== ''), before, done);
    if (secret.length === 0) return;
    await before;
    await Promise.all(secret.map(writeCredential));
  }

  async function writeFacts(planned: readonly Planned[], before: Promise<void>, done: () => void): Promise<void> {
    let left = planned;
    for (let tries = 1; left.length > 0; tries++) {
      const heads = await store.heads(left.map(({ stream }) => stream));
      const changed = left.flatMap((each) => {
        const head = heads.get(each.stream);
        const outcome = !head ? 'new' : head.hash === each.hash || each.implied ? 'unchanged' : 'changed';
        if (outcome === 'unchanged') count(each.kind, outcome);
        return outcome === 'unchanged' ? [] : [{ ...each, outcome, expected: head ? head.revision + 1 : 0 } as const];
      });
      if (changed.length === 0) return;
      const appends = changed.map((each) => {
        const event = eventOf(each, JSON.parse(each.json) as object, import_.number);
        return { stream: each.stream, expected: each.expected, events: [recordable(event, each)] };
      });
      await import_.begin();
      // The store keeps the order in which it is asked: no order overtakes its list.
      await before;
      const appending = store.appendMany(appends);
      done();
      const results = await appending;
      left = changed.filter((each, i) => {
        if (results[i] instanceof WrongRevision) return true;
        count(each.kind, each.outcome);
        events++;
        return false;
      });
      const refused = results.find((result) => result instanceof WrongRevision);
      if (refused instanceof WrongRevision && tries === MAX_TRIES) throw refused;
    }
  }

  /** A credential is decided on its newest state, which the command line may change at any time. */
  async function writeCredential({ kind, json }: Planned): Promise<void> {
    const content = credentials.complete(kind, JSON.parse(json) as never, notes);
    const hash = contentHash(JSON.stringify(content));
    const event = eventOf({ kind, hash }, content, import_.number) as CredentialEvent;
    const stream = referenceStream(event);
    for (let tries = 1; ; tries++) {
      const newest = (await store.load(stream)).at(-1);
      const known = newest && (reference.read(newest) as CredentialEvent).data;
      const { result, events: decided } = stateCredential(event)(known);
      try {
        if (decided.length > 0) {
          const expected = newest ? newest.revision + 1 : 0;
          await import_.begin();
          await store.append(stream, expected, [recordable(event, { stream, hash, expected })]);
          events++;
        }
        if (result === 'ended') bump(notes, `${kind as 'token'}.ended_here`);
        count(kind, result === 'ended' ? 'unchanged' : result);
        return;
      } catch (error) {
        if (!(error instanceof WrongRevision) || tries === MAX_TRIES) throw error;
      }
    }
  }

  function recordable(event: ReferenceEvent, at: { stream: string; hash: string; expected: number }): NewEvent {
    const id = uuidV5(NAMESPACE, `${at.stream} ${at.expected} ${import_.number} ${at.hash}`);
    return { id, ...reference.write(event), actor: `import:${import_.number}`, trace: null };
  }

  function count(kind: string, outcome: Outcome): void {
    let of = counts.get(kind);
    if (!of) counts.set(kind, (of = { new: 0, changed: 0, unchanged: 0 }));
    of[outcome]++;
  }
}

function bump(notes: Map<Note, number>, note: Note): void {
  notes.set(note, (notes.get(note) ?? 0) + 1);
}

/**
 * The import's number, and the event that begins it, written before the first change and never without one. An import that
 * was killed goes on under its old number: its orders would else meet their own lists as lists that were there before, and
 * be checked in automatically (import.md §3).
 */
async function openImport(
  store: ReferenceStore,
  folder: string,
): Promise<{ number: number; begin(): Promise<void>; begun(): boolean; finish(): Promise<void> }> {
  const history = await store.load('imports');
  const started = history.findLast((event) => event.type === 'ImportStarted');
  const last = started ? (started.data as FactOf<'ImportStarted'>).import : 0;
  const interrupted = history.at(-1)?.type === 'ImportStarted';
  const number = interrupted ? last : last + 1;
  let length = history.length;
  let beginning: Promise<void> | undefined = interrupted ? Promise.resolve() : undefined;
  let begun = false;

  async function append(event: ReferenceEvent): Promise<void> {
    const recorded = { id: randomUUID(), ...reference.write(event), actor: `import:${number}`, trace: null };
    await store.append('imports', length, [recorded]);
    length++;
  }
  return {
    number,
    begin() {
      begun = true;
      return (beginning ??= append({ type: 'ImportStarted', data: { import: number, folder } }));
    },
    begun: () => begun,
    async finish() {
      if (beginning) await append({ type: 'ImportFinished', data: { import: number } });
    },
  };
}

/** What a credential lacks in an export: tokens and droid keys their ids, a device perhaps its token. */
function credentialPlans(known: Credentials): {
  complete(kind: string, content: TokenContent & DroidKeyContent & DeviceContent, notes: Map<Note, number>): object;
} {
  const devices = new Map(known.devices.map(({ fact }) => [`${fact.organizer}/${fact.device_id}`, fact]));
  // A known secret keeps its id, a new one gets the next.
  const tokenId = numbered(known.tokens.map(({ fact }) => [fact.token_hash, fact.id]));
  const droidKeyId = numbered(known.droidKeys.map(({ fact }) => [fact.key_hash, fact.id]));
  return {
    complete(kind, content, notes) {
      if (kind === 'token') return { id: tokenId(content.token_hash), ...content };
      if (kind === 'droidkey') return { id: droidKeyId(content.key_hash), ...content };
      const { tokenUnknown, ...device } = content;
      const kept = tokenUnknown ? devices.get(`${device.organizer}/${device.device_id}`)?.token_hash : undefined;
      if (!kept) return device;
      bump(notes, 'device.token_kept');
      return { ...device, token_hash: kept };
    },
  };
}

function numbered(known: readonly (readonly [hash: string, id: number])[]): (hash: string) => number {
  const ids = new Map(known);
  let next = known.reduce((after, [, id]) => (id < OWN_IDS_FROM ? Math.max(after, id + 1) : after), 1);
  return (hash) => {
    let id = ids.get(hash);
    if (id === undefined) ids.set(hash, (id = next++));
    return id;
  };
}
