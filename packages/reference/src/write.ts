import { randomUUID } from 'node:crypto';
import type { NewEvent } from '@gatehouse/events/envelope';
import { reference, referenceStream, type ReferenceEvent } from '@gatehouse/events/reference';
import { WrongRevision } from '@gatehouse/eventing/event-store';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import {
  contentHash,
  listDevices,
  listDroidKeys,
  listTokens,
  stateCredential,
  type CredentialEvent,
} from './credentials';
import type { OrganizerFolder } from './folder';
import { OWN_IDS_FROM, type Note } from './raw';
import type { FactOf, Newest } from './stored';
import type { ReferenceStore } from './store';
import { told, walk, type Entry, type Kind, type Walk } from './walk';

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
  readonly counts: ReadonlyMap<Kind, Record<Outcome, number>>;
  readonly notes: ReadonlyMap<Note, number>;
};

export type WriteOptions = {
  readonly store: ReferenceStore;
  readonly credentials: Credentials;
  readonly folder: string;
  readonly walk: Walk;
  onObjects(objects: number): void;
};

/** One object on its way into its stream. */
type Planned = {
  readonly kind: Kind;
  readonly event: ReferenceEvent;
  readonly stream: string;
  readonly implied: boolean;
};

/** Small, so that nobody waits long behind one of them. */
const CHUNK_OBJECTS = 200;
const MAX_TRIES = 10;
/** Event ids derive from stream, revision and content: an append that is repeated is the same event. */
const NAMESPACE = '5f8f4f2e-7a55-4c53-9c0e-0b9a5c0f4a5d';

/**
 * Walks the checked folder again and appends what is new or changed, in small groups. While one group is being written the
 * next one is read.
 */
export async function write(folders: readonly OrganizerFolder[], options: WriteOptions): Promise<Written> {
  const { store } = options;
  const counts = new Map<Kind, Record<Outcome, number>>();
  const notes = new Map<Note, number>();
  const import_ = await openImport(store, options.folder);
  const credentials = credentialPlans(options.credentials);
  let events = 0;

  let chunk: Planned[] = [];
  let inFlight: Promise<void> = Promise.resolve();
  const send = async (): Promise<void> => {
    const full = chunk;
    chunk = [];
    await inFlight;
    inFlight = flush(full);
    // It is awaited before the next one; until then its failure must not count as unhandled.
    inFlight.catch(() => undefined);
  };

  for await (const entries of walk(folders, options.walk)) {
    for (const entry of entries) {
      if (entry.issues.length > 0) throw new Error(`changed while it was imported: ${told(entry, entry.issues[0]!)}`);
      for (const event of statedBy(entry, import_.number, credentials, notes)) {
        const implied = entry.kind === 'channel' && entry.index < 0;
        chunk.push({ kind: entry.kind, event, stream: referenceStream(event), implied });
        if (chunk.length >= CHUNK_OBJECTS) await send();
      }
    }
    options.onObjects(entries.length);
  }
  await send();
  await inFlight;
  await import_.finish();
  return { number: import_.begun() ? import_.number : null, events, counts, notes };

  async function flush(planned: readonly Planned[]): Promise<void> {
    const secret = planned.filter(({ event }) => isCredential(event));
    await writeFacts(secret.length === 0 ? planned : planned.filter(({ event }) => !isCredential(event)));
    await Promise.all(secret.map(writeCredential));
  }

  async function writeFacts(planned: readonly Planned[]): Promise<void> {
    let left = planned;
    for (let tries = 1; left.length > 0; tries++) {
      const heads = await store.heads(left.map(({ stream }) => stream));
      const changed = left.flatMap((each) => {
        const head = heads.get(each.stream);
        const outcome = !head ? 'new' : head.hash === hashOf(each.event) || each.implied ? 'unchanged' : 'changed';
        if (outcome === 'unchanged') count(each.kind, outcome);
        return outcome === 'unchanged' ? [] : [{ ...each, outcome, expected: head ? head.revision + 1 : 0 } as const];
      });
      if (changed.length === 0) return;
      await import_.begin();
      const results = await store.appendMany(
        changed.map(({ stream, event, expected }) => ({
          stream,
          expected,
          events: [recordable(stream, event, expected)],
        })),
      );
      left = changed.filter((each, i) => {
        if (results[i] instanceof WrongRevision) return true;
        count(each.kind, each.outcome);
        events++;
        return false;
      });
      if (tries === MAX_TRIES) throw results.find((result) => result instanceof WrongRevision) as Error;
    }
  }

  /** A credential is decided on its newest state, which the command line may change at any time. */
  async function writeCredential({ kind, event, stream }: Planned): Promise<void> {
    for (let tries = 1; ; tries++) {
      const newest = (await store.load(stream)).at(-1);
      const known = newest && (reference.read(newest) as CredentialEvent).data;
      const { result, events: decided } = stateCredential(event as CredentialEvent)(known);
      try {
        if (decided.length > 0) {
          const expected = newest ? newest.revision + 1 : 0;
          await import_.begin();
          await store.append(stream, expected, [recordable(stream, event, expected)]);
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

  function recordable(stream: string, event: ReferenceEvent, expected: number): NewEvent {
    const id = uuidV5(NAMESPACE, `${stream} ${expected} ${import_.number} ${hashOf(event)}`);
    return { id, ...reference.write(event), actor: `import:${import_.number}`, trace: null };
  }

  function count(kind: Kind, outcome: Outcome): void {
    let of = counts.get(kind);
    if (!of) counts.set(kind, (of = { new: 0, changed: 0, unchanged: 0 }));
    of[outcome]++;
  }
}

const CREDENTIALS: readonly string[] = ['TokenStated', 'DeviceStated', 'DroidKeyStated'];
const isCredential = (event: ReferenceEvent): event is CredentialEvent => CREDENTIALS.includes(event.type);
const hashOf = (event: ReferenceEvent): string => ('hash' in event.data ? event.data.hash : '');

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

const TYPES: Partial<Record<Kind, ReferenceEvent['type']>> = {
  organizer: 'OrganizerStated',
  channel: 'SalesChannelStated',
  event: 'EventStated',
  date: 'DateStated',
  category: 'CategoryStated',
  taxrule: 'TaxRuleStated',
  item: 'ItemStated',
  quota: 'QuotaStated',
  question: 'QuestionStated',
  layout: 'LayoutStated',
  list: 'ListStated',
  voucher: 'VoucherStated',
  waiting: 'WaitingListEntryStated',
  seat: 'SeatStated',
  cartposition: 'CartPositionStated',
  token: 'TokenStated',
  device: 'DeviceStated',
  droidkey: 'DroidKeyStated',
  order: 'OrderStated',
};

/** The facts that an object states. */
function statedBy(entry: Entry, number: number, plans: CredentialPlans, notes: Map<Note, number>): ReferenceEvent[] {
  const type = TYPES[entry.kind];
  if (!type) return [];
  const state = (content: object): ReferenceEvent =>
    ({ type, data: { import: number, hash: contentHash(content), ...content } }) as ReferenceEvent;
  switch (entry.kind) {
    case 'event':
    case 'date': {
      const { seatingPlan: _plan, ...content } = entry.content!;
      return [state(content)];
    }
    case 'token':
      return entry.content!.map((token) => state({ id: plans.tokenId(token.token_hash), ...token }));
    case 'device': {
      const { tokenUnknown, ...device } = entry.content!;
      const kept = tokenUnknown ? plans.device(device.organizer, device.device_id)?.token_hash : undefined;
      if (kept) bump(notes, 'device.token_kept');
      return [state(kept ? { ...device, token_hash: kept, initialized: device.initialized || kept !== null } : device)];
    }
    case 'droidkey':
      return [state({ id: plans.droidKeyId(entry.content!.key_hash), ...entry.content! })];
    default:
      return [state(entry.content!)];
  }
}

type CredentialPlans = {
  tokenId(hash: string): number;
  droidKeyId(hash: string): number;
  device(organizer: string, id: number): FactOf<'DeviceStated'> | undefined;
};

/** Tokens and droid keys have no ids in an export: a known secret keeps its id, a new one gets the next. */
function credentialPlans(known: Credentials): CredentialPlans {
  const devices = new Map(known.devices.map(({ fact }) => [`${fact.organizer}/${fact.device_id}`, fact]));
  return {
    tokenId: numbered(known.tokens.map(({ fact }) => [fact.token_hash, fact.id])),
    droidKeyId: numbered(known.droidKeys.map(({ fact }) => [fact.key_hash, fact.id])),
    device: (organizer, id) => devices.get(`${organizer}/${id}`),
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
