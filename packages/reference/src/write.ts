import type { NewEvent } from '@gatehouse/events/envelope';
import { OrderStated, reference, referenceStream, type ReferenceEvent } from '@gatehouse/events/reference';
import { WrongRevision } from '@gatehouse/eventing/event-store';
import { EncodedData } from '@gatehouse/eventing/storable';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import { listDevices, listDroidKeys, listTokens, stateCredential, type CredentialEvent } from './credentials';
import { eventOf, impliedChannel } from './facts';
import { openImport } from './import-log';
import { layoutFileEvents } from './layout-files';
import { orderEvents, PART_BYTES, wholeOrder } from './order-parts';
import type { Findings, OrderTickets, Positions, StatedOrder } from './positions';
import { OWN_IDS_FROM, type Note } from './raw';
import type { DeviceContent, DroidKeyContent, TokenContent } from './raw-credentials';
import { contentHash, type Spool, type Unspooled } from './spool';
import type { FactOf, Newest } from './stored';
import type { ReferenceStore } from './store';

/** The newest facts about credentials at the start of the import. */
export type Credentials = {
  readonly tokens: readonly Newest<FactOf<'TokenStated'>>[];
  readonly devices: readonly Newest<FactOf<'DeviceStated'>>[];
  readonly droidKeys: readonly Newest<FactOf<'DroidKeyStated'>>[];
};

/** Reads the credentials. Throws StoreUnavailable when the database is away. */
export const readCredentials = async (store: ReferenceStore): Promise<Credentials> => ({
  tokens: await listTokens(store),
  devices: await listDevices(store),
  droidKeys: await listDroidKeys(store),
});

/** The result of writing an object. */
export type Outcome = 'new' | 'changed' | 'unchanged';

/** Numbers of written objects. */
export type Written = {
  /** The import's number; null when nothing was written. */
  readonly number: number | null;
  readonly events: number;
  readonly counts: ReadonlyMap<string, Record<Outcome, number>>;
  readonly notes: ReadonlyMap<Note, number>;
  /** Findings about the tickets of the written orders. */
  readonly findings: Findings;
};

/** Where and how spooled objects are written. */
export type WriteOptions = {
  readonly store: ReferenceStore;
  readonly positions: Positions;
  readonly credentials: Credentials;
  readonly folder: string;
  /** Channels by organizer, which are only stated if they do not exist yet. */
  readonly impliedChannels: ReadonlyMap<string, ReadonlySet<string>>;
  onProgress(objects: number, bytes: number): void;
};

/** One object to be compared with its stream. */
type Planned = Unspooled & { readonly implied: boolean };
/** An object that is new or has changed, with its events. */
type Changed = Planned & {
  readonly outcome: Exclude<Outcome, 'unchanged'>;
  readonly expected: number;
  readonly events: readonly Recordable[];
  /** For an order: its tickets, for `Positions`. */
  readonly stated?: StatedOrder;
};
/** An event's part of what is recorded of it. */
type Recordable = Pick<NewEvent, 'type' | 'version' | 'data'>;
type Head = { readonly revision: number; readonly hash: string | null };

/** A small group, so that appends of other processes wait little. */
const CHUNK_OBJECTS = 200;
/** A single order may have megabytes. */
const CHUNK_BYTES = 8 * 1024 * 1024;
/** Groups being written while the next one is read. */
const IN_FLIGHT = 2;
const MAX_TRIES = 10;
/** Event ids are derived from stream, revision and content: a repeated append has the same ids. */
const NAMESPACE = '5f8f4f2e-7a55-4c53-9c0e-0b9a5c0f4a5d';

/** Appends the new and changed objects of the spool, in small groups. While groups are being written the next one is read. */
export async function write(spool: Spool, options: WriteOptions): Promise<Written> {
  const { store } = options;
  const counts = new Map<string, Record<Outcome, number>>();
  const notes = new Map<Note, number>();
  const import_ = await openImport(store, options.folder);
  const credentials = credentialPlans(options.credentials);
  let events = 0;

  let chunk: Planned[] = [];
  let chunkBytes = 0;
  const inFlight: Promise<void>[] = [];
  let issued: Promise<void> = Promise.resolve();
  const send = async (): Promise<void> => {
    const full = chunk;
    chunk = [];
    chunkBytes = 0;
    if (inFlight.length >= IN_FLIGHT) await inFlight.shift();
    const before = issued;
    let done: () => void = () => undefined;
    issued = new Promise((resolve) => (done = resolve));
    const flushing = flush(full, before, done).finally(done);
    // It is awaited later; until then its rejection must not count as unhandled.
    flushing.catch(() => undefined);
    inFlight.push(flushing);
  };

  for await (const { objects, bytes } of spool.read()) {
    for (const object of objects) {
      chunk.push({ ...object, implied: false });
      chunkBytes += object.json.length;
      if (object.kind === 'organizer') chunk.push(...channelsOf(object));
      if (chunk.length >= CHUNK_OBJECTS || chunkBytes >= CHUNK_BYTES || object.kind === 'layoutfile') await send();
      // All its parts come before the layout that calls for it.
      if (object.kind === 'layoutfile') await Promise.all(inFlight);
    }
    options.onProgress(objects.length, bytes);
  }
  await send();
  for (const flushing of inFlight) await flushing;
  await import_.finish();
  const findings = await options.positions.findings();
  return { number: import_.begun() ? import_.number : null, events, counts, notes, findings };

  function channelsOf(organizer: Unspooled): Planned[] {
    const { organizer: slug } = JSON.parse(organizer.json.toString()) as FactOf<'OrganizerStated'>;
    const identifiers = [...(options.impliedChannels.get(slug) ?? [])];
    return identifiers.map((identifier) => {
      const { json, ...channel } = impliedChannel(slug, identifier);
      return { ...channel, json: Buffer.from(json), implied: true };
    });
  }

  /** `before` resolves when the previous group has been passed to the store; `done` is called when this one has. */
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
      const changes = await Promise.all(left.map((each) => changeOf(each, heads.get(each.stream))));
      const changed = changes.filter((each) => each !== undefined);
      if (changed.length === 0) return;
      await import_.begin();
      // The store keeps the order of calls, so no order overtakes its list.
      await before;
      await options.positions.take(changed.flatMap(({ stated }) => stated ?? []));
      const single = changed.filter((each) => each.events.length === 1);
      const appending = store.appendMany(
        single.map((each) => ({ stream: each.stream, expected: each.expected, events: recordables(each) })),
      );
      done();
      const results = await appending;
      const refused = new Map(
        single.flatMap((each, i) => (results[i] instanceof WrongRevision ? [[each, results[i]]] : [])),
      );
      for (const each of changed.filter((one) => one.events.length > 1)) {
        const error = await appendInTurn(each);
        if (error) refused.set(each, error);
      }
      for (const each of changed) {
        if (refused.has(each)) continue;
        count(each.kind, each.outcome);
        events++;
      }
      left = [...refused.keys()];
      const [error] = refused.values();
      if (error && tries === MAX_TRIES) throw error;
    }
  }

  /** The events that an object's stream lacks; undefined when it has its state already. */
  async function changeOf(planned: Planned, head: Head | undefined): Promise<Changed | undefined> {
    if (head && (head.hash === planned.hash || planned.implied)) {
      count(planned.kind, 'unchanged');
      return undefined;
    }
    const expected = head ? head.revision + 1 : 0;
    const at = { ...planned, expected, outcome: head ? 'changed' : 'new' } as const;
    const isSmall = planned.json.length <= PART_BYTES;
    if (!head && isSmall && planned.tickets !== undefined) {
      const order = JSON.parse(planned.tickets) as OrderTickets;
      return { ...at, stated: { order, before: [] }, events: [encodedOrder(planned)] };
    }
    const event = eventOf(planned, JSON.parse(planned.json.toString()) as object, import_.number);
    const write = (each: ReferenceEvent) => reference.write(each);
    if (event.type === 'LayoutFileStated') return { ...at, events: layoutFileEvents(event.data).map(write) };
    if (event.type !== 'OrderStated') return { ...at, events: [write(event)] };
    const before = head && (await wholeOrder(store, { stream: planned.stream, revision: head.revision }));
    const alive = before?.positions.filter(({ canceled }) => !canceled).map(({ id }) => id) ?? [];
    const stated = { order: event.data, before: alive };
    // For a single event the revision already shows whether it is the first.
    if (isSmall && before) return { ...at, stated, events: [write(event)] };
    return {
      ...at,
      stated,
      outcome: before ? 'changed' : 'new',
      events: orderEvents(event.data, before === undefined).map(write),
    };
  }

  /** The event of a new order: its JSON has been checked, and goes to the store as it is. */
  function encodedOrder({ hash, json }: Planned): Recordable {
    const start = Buffer.from(`{"import":${import_.number},"hash":"${hash}",`);
    const data = new EncodedData(Buffer.concat([start, json.subarray(1)]));
    return { type: 'OrderStated', version: ORDER_VERSION, data };
  }

  function recordables({ stream, hash, expected, events: stating }: Changed): NewEvent[] {
    return stating.map((event, i) => recordable(event, { stream, hash, expected: expected + i }));
  }

  /** One append per event, since together they are too large. After a kill in between, the parts have no effect. */
  async function appendInTurn(changed: Changed): Promise<WrongRevision | undefined> {
    for (const [i, event] of recordables(changed).entries()) {
      try {
        await store.append(changed.stream, changed.expected + i, [event]);
      } catch (error) {
        if (error instanceof WrongRevision) return error;
        throw error;
      }
    }
    return undefined;
  }

  /** A credential is decided on its newest state, which the command line may change at any time. */
  async function writeCredential({ kind, json }: Planned): Promise<void> {
    const content = credentials.complete(kind, JSON.parse(json.toString()) as never, notes);
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
          const stating = decided.map((each) => recordable(reference.write(each), { stream, hash, expected }));
          await store.append(stream, expected, stating);
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

  function recordable(event: Recordable, at: { stream: string; hash: string; expected: number }): NewEvent {
    const id = uuidV5(NAMESPACE, `${at.stream} ${at.expected} ${import_.number} ${at.hash}`);
    return { id, ...event, actor: `import:${import_.number}`, trace: null };
  }

  function count(kind: string, outcome: Outcome): void {
    let of = counts.get(kind);
    if (!of) counts.set(kind, (of = { new: 0, changed: 0, unchanged: 0 }));
    of[outcome]++;
  }
}

const ORDER_VERSION = OrderStated.version;

function bump(notes: Map<Note, number>, note: Note): void {
  notes.set(note, (notes.get(note) ?? 0) + 1);
}

/** Fills in what a credential lacks in an export: the ids of tokens and droid keys, perhaps a device's token. */
function credentialPlans(known: Credentials): {
  complete(kind: string, content: TokenContent & DroidKeyContent & DeviceContent, notes: Map<Note, number>): object;
} {
  const devices = new Map(known.devices.map(({ fact }) => [`${fact.organizer}/${fact.device_id}`, fact]));
  // A stored secret keeps its id, a new one gets the next.
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
