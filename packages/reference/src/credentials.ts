import { randomUUID } from 'node:crypto';
import type { Decision } from '@gatehouse/domain/decider';
import type { NewEvent } from '@gatehouse/events/envelope';
import { reference, referenceStream, type Permission, type ReferenceEvent } from '@gatehouse/events/reference';
import { WrongRevision, type Position } from '@gatehouse/eventing/event-store';
import { isStorable } from '@gatehouse/domain/storable-text';
import type { DeviceProfile } from '@gatehouse/service/device-profiles';
import { keepOwn } from './devices';
import { isLonger, LIMITS } from './limits';
import { BY_COMMAND, OWN_IDS_FROM, secretHash, type Stated } from './raw';
import { newDroidKey, newSerial, newSetUpToken, newToken } from './secrets';
import { contentHash } from './spool';
import { newestFacts, type FactOf, type Newest } from './stored';
import type { ReferenceStore } from './store';

/*
 * Credentials: one stream per token, device and droid key, whose events carry its whole state. Importer and command line
 * both use these deciders.
 */

/** The events that state credentials. */
export type CredentialType = 'TokenStated' | 'DeviceStated' | 'DroidKeyStated';
export type CredentialEvent = Extract<ReferenceEvent, { type: CredentialType }>;
/** The newest fact about a credential. */
export type CredentialState = CredentialEvent['data'] | undefined;

/**
 * Applies an imported credential. One that a command has ended stays ended, whatever a later folder contains: a lost
 * scanner must not be revived by editing its export.
 */
export const stateCredential =
  (event: CredentialEvent) =>
  (known: CredentialState): Decision<'new' | 'changed' | 'unchanged' | 'ended', CredentialEvent> => {
    if (!known) return { result: 'new', events: [event] };
    if (known.hash === event.data.hash) return { result: 'unchanged', events: [] };
    if (known.import === BY_COMMAND && isEnded(known)) return { result: 'ended', events: [] };
    const isDevice = event.type === 'DeviceStated' && 'device_id' in known;
    return { result: 'changed', events: [isDevice ? keepOwn(event, known) : event] };
  };

/** Ends a credential by command. Its hash is kept, so that an import of its old state does not revive it. */
export const endCredential =
  <E extends CredentialEvent>(type: E['type']) =>
  (known: CredentialState): Decision<'unknown' | 'ended' | 'was ended', E> => {
    if (!known) return { result: 'unknown', events: [] };
    const ended = 'revoked' in known ? { revoked: true } : { active: false };
    const data = { ...known, ...ended, import: BY_COMMAND } as E['data'];
    // A credential that an import ended can be ended by command, too, so that no later import revives it.
    const done = isEnded(known);
    if (done && known.import === BY_COMMAND) return { result: 'was ended', events: [] };
    return { result: done ? 'was ended' : 'ended', events: [{ type, data } as E] };
  };

/** Whether a credential was revoked or made inactive. */
export function isEnded(fact: CredentialEvent['data']): boolean {
  return 'revoked' in fact ? fact.revoked : !fact.active;
}

/** A command that cannot be executed; the message is for its user. */
export class CannotDo extends Error {
  override name = 'CannotDo';
}

/** The events of its organizer to which a credential applies. */
export type Scope = { readonly all_events: boolean; readonly limit_events: string[] };

/** The name of a credential in lists. Throws CannotDo. */
function nameFor(text: string): string {
  const name = text.trim();
  if (name === '') throw new CannotDo('a name may not be blank');
  if (isLonger(name, LIMITS.name)) throw new CannotDo(`a name may not have more than ${LIMITS.name} characters`);
  if (!isStorable(name)) throw new CannotDo('a name may not hold a NUL or half a surrogate pair');
  return name;
}

/** The newest state of every token; the other two functions do the same for devices and droid keys. */
export const listTokens = (store: ReferenceStore): Promise<Newest<FactOf<'TokenStated'>>[]> =>
  newestFacts(store, 'token-', 'TokenStated');
export const listDevices = (store: ReferenceStore): Promise<Newest<FactOf<'DeviceStated'>>[]> =>
  newestFacts(store, 'device-', 'DeviceStated');
export const listDroidKeys = (store: ReferenceStore): Promise<Newest<FactOf<'DroidKeyStated'>>[]> =>
  newestFacts(store, 'droidkey-', 'DroidKeyStated');

/** Creates a token and returns its secret, which is not stored. Throws CannotDo. */
export async function createToken(
  store: ReferenceStore,
  wanted: { organizer: string; name: string; permissions: Permission[] } & Scope,
): Promise<{ id: number; secret: string }> {
  await requireEvents(store, wanted.organizer, wanted.limit_events);
  const secret = newToken();
  const content = { ...wanted, name: nameFor(wanted.name), token_hash: secretHash(secret), active: true };
  const id = await create(store, 'TokenStated', async () => {
    const taken = (await listTokens(store)).map(({ fact }) => fact.id);
    return { id: nextOwnId(taken), ...content };
  });
  return { id, secret };
}

/** How long the QR code of a new device can be used: a week, for who prepares phones before a festival. */
export const SET_UP_DAYS = 7;

/**
 * Creates a device that an app sets up with the returned token, which is not stored and can be used once, until `expires`
 * (an instant in UTC). Without a security profile it may use all that devices may. Throws CannotDo.
 */
export async function createDevice(
  store: ReferenceStore,
  wanted: { organizer: string; name: string; security_profile?: DeviceProfile } & Scope,
): Promise<{ id: number; setUpToken: string; expires: string }> {
  await requireEvents(store, wanted.organizer, wanted.limit_events);
  const setUpToken = newSetUpToken();
  const expires = new Date(Date.now() + SET_UP_DAYS * 86_400_000).toISOString();
  const content = {
    ...wanted,
    name: nameFor(wanted.name),
    unique_serial: newSerial(),
    setup_token_hash: secretHash(setUpToken),
    setup_expires: expires,
    token_hash: null,
    initialized: false,
    revoked: false,
  };
  const id = await create(store, 'DeviceStated', async () => {
    const devices = (await listDevices(store)).filter(({ fact }) => fact.organizer === wanted.organizer);
    return { device_id: nextOwnId(devices.map(({ fact }) => fact.device_id)), ...content };
  });
  return { id, setUpToken, expires };
}

/** What an app needs to set a device up, as in pretix's QR code. */
export const deviceSetUp = (device: {
  baseUrl: string;
  setUpToken: string;
}): { handshake_version: 1; url: string; token: string } => ({
  handshake_version: 1,
  url: device.baseUrl.replace(/\/+$/, ''),
  token: device.setUpToken,
});

/** The properties of a new droid key. */
export type DroidKeyWish = Omit<Stated<'DroidKeyStated'>, 'id' | 'key_hash' | 'active'>;

/**
 * Creates a key for the old scanner apps and returns it; it is not stored (contract §3.1). Throws CannotDo. `date` is
 * needed for a list without a date in a series; `subevent` is the date in the app's URL.
 */
export async function createDroidKey(
  store: ReferenceStore,
  wanted: DroidKeyWish,
  date: number | null,
): Promise<{ id: number; secret: string; subevent: number | null }> {
  await requireEvents(store, wanted.organizer, [wanted.event]);
  const subevent = await dateFor(store, wanted, date);
  const secret = newDroidKey();
  const content = { ...wanted, key_hash: secretHash(secret), active: true };
  const id = await create(store, 'DroidKeyStated', async () => {
    const taken = (await listDroidKeys(store)).map(({ fact }) => fact.id);
    return { id: nextOwnId(taken), ...content };
  });
  return { id, secret, subevent };
}

/** The configuration of an old app, as in its QR code (contract §3.1). */
export function droidSetUp(
  key: Pick<DroidKeyWish, 'organizer' | 'event' | 'allow_search' | 'show_info'> & {
    baseUrl: string;
    secret: string;
    subevent: number | null;
  },
): { version: 3; url: string; key: string; allow_search: boolean; show_info: boolean } {
  const path = [key.organizer, key.event, ...(key.subevent === null ? [] : [key.subevent])]
    .map(encodeURIComponent)
    .join('/');
  return {
    version: 3,
    url: `${key.baseUrl.replace(/\/+$/, '')}/pretixdroid/api/${path}/`,
    key: key.secret,
    allow_search: key.allow_search,
    show_info: key.show_info,
  };
}

/**
 * The date of a key. Lists and products are checked as far as `reference` has them: a list created through the API (its id
 * is from Gatehouse's range) belongs to admission and is not checked.
 */
async function dateFor(store: ReferenceStore, wanted: DroidKeyWish, date: number | null): Promise<number | null> {
  const [list] = await newestFact(store, `list-${wanted.list}`, 'ListStated');
  const ofEvent = (fact: { organizer: string; event: string } | undefined) =>
    fact?.organizer === wanted.organizer && fact.event === wanted.event;
  if (!ofEvent(list) && wanted.list < OWN_IDS_FROM) {
    throw new CannotDo(`${wanted.event} has no check-in list ${wanted.list}; ${await listsThereAre(store, wanted)}`);
  }
  for (const item of wanted.items) {
    if (ofEvent((await newestFact(store, `item-${item}`, 'ItemStated'))[0])) continue;
    throw new CannotDo(`${wanted.event} has no product ${item}`);
  }
  const [event] = await newestFact(store, `event-${wanted.organizer}/${wanted.event}`, 'EventStated');
  if (!event?.has_subevents) {
    if (date === null) return null;
    throw new CannotDo(`${wanted.event} is not a series, so there is no date to choose`);
  }
  const bound = list?.subevent ?? null;
  if (bound !== null && date !== null && date !== bound) throw new CannotDo(`list ${wanted.list} is for date ${bound}`);
  const subevent = bound ?? date;
  if (subevent === null) {
    if (!list) return null;
    throw new CannotDo(`list ${wanted.list} of a series has no date, so the app needs one: name it with --date`);
  }
  if (ofEvent((await newestFact(store, `date-${subevent}`, 'DateStated'))[0])) return subevent;
  throw new CannotDo(`${wanted.event} has no date ${subevent}`);
}

/** The lists of an event that the shop has stated; those that were made through the API are admission's. */
async function listsThereAre(store: ReferenceStore, wanted: { organizer: string; event: string }): Promise<string> {
  const lists = (await newestFacts(store, 'list-', 'ListStated')).map(({ fact }) => fact);
  const own = lists.filter(({ organizer, event }) => organizer === wanted.organizer && event === wanted.event);
  if (own.length === 0) return 'it has none from the shop';
  const named = own.sort((a, b) => a.id - b.id).map(({ id, name }) => `${id} (${name})`);
  const shown = named.slice(0, MOST_NAMED).join(', ');
  return own.length > MOST_NAMED ? `it has ${shown} and ${own.length - MOST_NAMED} more` : `it has ${shown}`;
}

/** In an error message. */
const MOST_NAMED = 20;

/** The newest fact of a stream; undefined when it does not exist. */
async function newestFact<T extends ReferenceEvent['type']>(
  store: ReferenceStore,
  stream: string,
  type: T,
): Promise<FactOf<T>[]> {
  const newest = (await store.load(stream)).at(-1);
  const event = newest && reference.read(newest);
  return event?.type === type ? [event.data as FactOf<T>] : [];
}

/** Ends the credential of a stream (`token-3`, `device-demo/12`, `droidkey-4`). A repeat does nothing. */
export async function revoke(
  store: ReferenceStore,
  type: CredentialType,
  stream: string,
): Promise<'unknown' | 'ended' | 'was ended'> {
  const by = { actor: 'cli:revoke', trace: null };
  return (await decideCredential(store, { type, stream, by }, endCredential<CredentialEvent>(type))).result;
}

/**
 * Decides on the newest fact of a credential's stream and appends, again and again until no other writer was first.
 * `position` is null when nothing was written. Rejects as `EventStore.append` does.
 */
export async function decideCredential<R, T extends CredentialType>(
  store: Pick<ReferenceStore, 'load' | 'append'>,
  { type, stream, by }: { type: T; stream: string; by: Pick<NewEvent, 'actor' | 'trace'> },
  decide: (known: FactOf<T> | undefined) => Decision<R, CredentialEvent>,
): Promise<{ result: R; position: Position | null }> {
  for (;;) {
    const newest = (await store.load(stream)).at(-1);
    const event = newest && reference.read(newest);
    const { result, events } = decide(event?.type === type ? (event.data as FactOf<T>) : undefined);
    if (events.length === 0) return { result, position: null };
    try {
      const stated = events.map((each) => recordable(each, by));
      return { result, position: await store.append(stream, newest ? newest.revision + 1 : 0, stated) };
    } catch (error) {
      if (!(error instanceof WrongRevision)) throw error;
    }
  }
}

/** Two concurrent commands may choose the same id: the second finds the stream taken and chooses again. */
async function create<T extends CredentialType>(
  store: ReferenceStore,
  type: T,
  choose: () => Promise<Omit<FactOf<T>, 'import' | 'hash'>>,
): Promise<number> {
  for (;;) {
    const content = await choose();
    const event = {
      type,
      data: { import: BY_COMMAND, hash: contentHash(JSON.stringify(content)), ...content },
    } as unknown as CredentialEvent;
    try {
      await store.append(referenceStream(event), 0, [recordable(event, { actor: 'cli:create', trace: null })]);
      return 'device_id' in event.data ? event.data.device_id : event.data.id;
    } catch (error) {
      if (!(error instanceof WrongRevision)) throw error;
    }
  }
}

const recordable = (event: CredentialEvent, by: Pick<NewEvent, 'actor' | 'trace'>): NewEvent => ({
  id: randomUUID(),
  ...reference.write(event),
  ...by,
});

function nextOwnId(taken: readonly number[]): number {
  return taken.reduce((next, id) => Math.max(next, id + 1), OWN_IDS_FROM);
}

async function requireEvents(store: ReferenceStore, organizer: string, events: readonly string[]): Promise<void> {
  const wanted = [`organizer-${organizer}`, ...events.map((event) => `event-${organizer}/${event}`)];
  const known = await store.heads(wanted);
  if (!known.has(wanted[0]!)) {
    const organizers = (await newestFacts(store, 'organizer-', 'OrganizerStated')).map(({ fact }) => fact.organizer);
    const hint = organizers.length > 0 ? `known are: ${organizers.join(', ')}` : 'import one first';
    throw new CannotDo(`there is no organizer ${organizer}; ${hint}`);
  }
  const absent = events.filter((event) => !known.has(`event-${organizer}/${event}`));
  if (absent.length === 0) return;
  const slugs = (await newestFacts(store, `event-${organizer}/`, 'EventStated')).map(({ fact }) => fact.event);
  throw new CannotDo(`${organizer} has no event ${absent.join(', ')}; known are: ${slugs.join(', ')}`);
}
