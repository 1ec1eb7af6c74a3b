import type { Claims } from './claims';
import type { Entry, Kind, ReadObject } from './entry';
import { spooledOf } from './facts';
import { openOrderReader, type OrderReader } from './order-reader';
import { keepGiven, readShopObject } from './given';
import type { OrganizerFolder, SourceFile, SourceFolder } from './folder';
import { addTo, eventIn, variationsOf, type EventScope, type KnownEvents, type SeatingPlan } from './known';
import { layoutFileReader, type LayoutOfExport } from './layout-files';
import { readRow, type Issue, type Reading } from './raw';
import { readDevice, readDroidKey, readTeam } from './raw-credentials';
import {
  noSettings,
  readCategory,
  readChannel,
  readDate,
  readEvent,
  readLayout,
  readOrganizer,
  readPlan,
  readSettings,
} from './raw-events';
import { readList, readQuestion, readScan } from './raw-gates';
import { readItem, readQuota, readTaxRule, readVoucher, readWaiting } from './raw-products';
import { readCartPosition, readSeat } from './raw-seats';
import { readObject, readRows } from './rows';
import { lineOf } from './spool';
import { storageIssues } from './storage-limits';

/** The files of an event's folder, each after those to which it refers; orders come last, after the credentials. */
const EVENT_FILES: readonly {
  file: string;
  kind: Kind;
  read: (value: unknown, scope: EventScope) => Reading<unknown>;
}[] = [
  { file: 'subevents.json', kind: 'date', read: readDate },
  { file: 'categories.json', kind: 'category', read: readCategory },
  { file: 'taxrules.json', kind: 'taxrule', read: readTaxRule },
  { file: 'items.json', kind: 'item', read: readItem },
  { file: 'quotas.json', kind: 'quota', read: readQuota },
  { file: 'questions.json', kind: 'question', read: readQuestion },
  { file: 'ticketlayouts.json', kind: 'layout', read: readLayout },
  { file: 'checkinlists.json', kind: 'list', read: readList },
  { file: 'vouchers.json', kind: 'voucher', read: readVoucher },
  { file: 'waitinglistentries.json', kind: 'waiting', read: readWaiting },
  { file: 'seats.json', kind: 'seat', read: readSeat },
  { file: 'cartpositions.json', kind: 'cartposition', read: readCartPosition },
  { file: 'checkins.json', kind: 'scan', read: readScan },
  { file: 'badgelayouts.json', kind: 'badgelayout', read: readShopObject('badgelayout') },
  { file: 'badgeitems.json', kind: 'badgeitem', read: readShopObject('badgeitem') },
  { file: 'revokedsecrets.json', kind: 'revokedsecret', read: readShopObject('revokedsecret') },
  { file: 'blockedsecrets.json', kind: 'blockedsecret', read: readShopObject('blockedsecret') },
];

/** The start of a walk. */
export type WalkOptions = {
  /** The objects of earlier imports. The walk adds every valid object of the export, so that later ones may refer to it. */
  readonly known: KnownEvents;
  readonly claims: Claims;
  /** Leaves out the rest of an invalid organizer or event, as long as no part of the export is missing. */
  readonly skipInvalid: boolean;
  onBytes(bytes: number): void;
  /** Called for each valid layout. */
  onLayout(layout: LayoutOfExport): void;
};

type Walk = WalkOptions & {
  /** Whether every file read so far was complete. If not, nothing may be skipped. */
  isWhole: boolean;
  readonly orders: OrderReader;
};

/**
 * The objects of the folders in an order in which they can be written: none comes before an object to which it refers. Each
 * has been checked against those before it; if it is valid, later ones may refer to it.
 */
export async function* walk(folders: readonly OrganizerFolder[], options: WalkOptions): AsyncGenerator<Entry[]> {
  const isWhole = folders.every((folder) => [folder, ...folder.events].every(({ problems }) => problems.length === 0));
  const orders = openOrderReader(folders);
  const state: Walk = { ...options, isWhole, orders };
  try {
    for (const folder of folders) yield* walkOrganizer(folder, state);
  } finally {
    await orders.close();
  }
}

async function* walkOrganizer(folder: OrganizerFolder, state: Walk): AsyncGenerator<Entry[]> {
  const file = folder.files.get('organizer.json');
  // It has another name or cannot be read, which the folder's problems report.
  if (!file) return;
  const row = await readObject(file);
  const reading = readRow(row, readOrganizer, undefined);
  const own = enter({ kind: 'organizer', file, index: row.index, ...reading }, state);
  yield [own];
  if (isLeftOut(own, state)) return;

  const organizer = reading.content?.organizer ?? folder.name;
  const scope = { organizer };
  const channels = folder.files.get('saleschannels.json');
  if (channels) yield* walkFile({ kind: 'channel', file: channels, read: readChannel }, scope, state);

  const plans = new Map<number, SeatingPlan>();
  const planFile = folder.files.get('seatingplans.json');
  if (planFile) {
    for await (const entries of walkFile({ kind: 'plan', file: planFile, read: readPlan }, undefined, state)) {
      for (const { kind, content } of entries) {
        if (kind === 'plan' && content) plans.set(content.id, content.seats);
      }
      yield entries;
    }
  }

  const events: { files: SourceFolder['files']; scope: EventScope }[] = [];
  for (const eventFolder of folder.events) {
    const eventScope = yield* walkEvent(eventFolder, { organizer, plans }, state);
    if (eventScope) events.push({ files: eventFolder.files, scope: eventScope });
  }
  const teams = folder.files.get('teams.json');
  if (teams) yield* walkFile({ kind: 'token', file: teams, read: readTeam }, scope, state);
  const devices = folder.files.get('devices.json');
  if (devices) yield* walkFile({ kind: 'device', file: devices, read: readDevice }, scope, state);
  for (const event of events) {
    const keys = event.files.get('droidkeys.json');
    if (keys) yield* walkFile({ kind: 'droidkey', file: keys, read: readDroidKey }, event.scope, state);
  }
  for (const event of events) {
    const orders = event.files.get('orders.ndjson') ?? event.files.get('orders.json');
    if (orders) yield* walkOrders(orders, event.scope, state);
  }
}

/** The event and all its objects except orders and keys. Undefined when the event itself was left out. */
async function* walkEvent(
  folder: SourceFolder,
  above: { organizer: string; plans: ReadonlyMap<number, SeatingPlan> },
  state: Walk,
): AsyncGenerator<Entry[], EventScope | undefined> {
  const file = folder.files.get('event.json') ?? missing(folder);
  const settingsFile = folder.files.get('settings.json');
  const settingsRow = settingsFile && (await readObject(settingsFile));
  const settings = settingsRow && readRow(settingsRow, readSettings, undefined);
  const settingsIssues = (settings?.issues ?? []).map((issue) => {
    return { ...issue, path: `(settings.json${issue.path && ` ${issue.path}`})` };
  });
  const row = file.path === '' ? { index: -1, problem: 'is missing' } : await readObject(file);
  const eventScope = { organizer: above.organizer, folder: folder.name, settings: settings?.content ?? noSettings };
  const { content, issues, notes } = readRow(row, readEvent, eventScope);
  keepGiven('event', content, row.value);
  if (content && settingsRow?.value !== undefined) content.given_settings = settingsRow.value;
  const own = enter(
    { kind: 'event', file, index: row.index, content, issues: [...issues, ...settingsIssues], notes },
    state,
  );
  yield [own];
  if (isLeftOut(own, state)) return undefined;

  const event = content?.event ?? folder.name;
  const known = eventIn(state.known, above.organizer, event);
  if (content) {
    known.hasSubevents = content.has_subevents;
    known.locale = content.locale;
    known.seatingPlan = content.seatingPlan;
  }
  if (folder.files.has('categories.json')) known.categories ??= new Set();
  if (folder.files.has('taxrules.json')) known.taxRules ??= new Set();
  if (folder.files.has('questions.json')) known.questions ??= new Set();
  if (folder.files.has('quotas.json')) known.quotas ??= new Set();
  const scope: EventScope = { organizer: above.organizer, event, known, plans: above.plans };
  for (const each of EVENT_FILES) {
    const source = folder.files.get(each.file);
    if (!source) continue;
    const entries = walkFile({ kind: each.kind, file: source, read: each.read }, scope, state);
    yield* each.kind === 'layout' ? withFiles(source, entries, state) : entries;
  }
  return scope;
}

/** Layouts, each after the files that it calls for. */
async function* withFiles(
  file: SourceFile,
  layouts: AsyncGenerator<Entry[]>,
  state: Walk,
): AsyncGenerator<Entry[], void> {
  const filesOf = layoutFileReader(file);
  for await (const entries of layouts) {
    for (const entry of entries) {
      if (entry.kind === 'layout' && entry.content && entry.issues.length === 0) {
        const { layout, files } = await filesOf({ ...entry, content: entry.content });
        state.onLayout(layout);
        // One by one, since each may have megabytes.
        for (const each of files) yield [enter(each, state)];
      }
    }
    yield entries;
  }
}

function missing(folder: SourceFolder): SourceFile {
  const sibling = [...folder.files.values()][0];
  const prefix = sibling ? sibling.name.slice(0, sibling.name.lastIndexOf('/') + 1) : `events/${folder.name}/`;
  return { path: '', name: `${prefix}event.json`, bytes: 0 };
}

/** A file, the kind of its objects and their reader. */
type Source<S> = {
  readonly kind: Kind;
  readonly file: SourceFile;
  readonly read: (value: unknown, scope: S) => Reading<unknown>;
};

async function* walkFile<S>(source: Source<S>, scope: S, state: Walk): AsyncGenerator<Entry[]> {
  const { kind, file, read: reader } = source;
  for await (const rows of readRows(file, state.onBytes)) {
    const entries = rows.map((row) => {
      const object = { kind, file, index: row.index, ...readRow(row, reader, scope) } as OtherObject;
      keepGiven(kind, object.content, row.value);
      return enter(object, state);
    });
    if (entries.length > 0) yield entries;
  }
}

async function* walkOrders(file: SourceFile, scope: EventScope, state: Walk): AsyncGenerator<Entry[]> {
  for await (const { orders, lines } of state.orders.read(file, scope, state.onBytes)) {
    let end = 0;
    const entries = orders.map(({ bytes, ...order }) => {
      const start = end;
      end += bytes;
      return settle({ kind: 'order', file, ...order }, bytes === 0 ? [] : [lines.subarray(start, end)], state);
    });
    if (entries.length > 0) yield entries;
  }
}

type OtherObject = Exclude<ReadObject, { kind: 'order' }>;

function enter(object: OtherObject, state: Walk): Entry {
  const objects = object.content === undefined ? [] : spooledOf(object);
  const issues = [...ownIssues(object), ...storageIssues(object, objects)];
  return settle(
    { ...object, issues },
    issues.length === 0 ? objects.map((each) => Buffer.from(lineOf(each))) : [],
    state,
  );
}

/** Checks an object against all objects before it; a valid one is added to them. */
function settle(object: ReadObject, lines: readonly Uint8Array[], state: Walk): Entry {
  const issues = [...object.issues];
  // An object that is left out makes no claims.
  const isClaiming = object.content !== undefined && (issues.length === 0 || !state.skipInvalid);
  const clashes = isClaiming ? state.claims.claim(object) : { issues: [], notes: [] };
  issues.push(...clashes.issues);
  if (issues.some(({ incomplete }) => incomplete)) state.isWhole = false;
  if (issues.length === 0) makeKnown(object, state.known);
  return { ...object, issues, notes: [...object.notes, ...clashes.notes], lines };
}

/** Scans are not imported, so their only possible problem is that some are missing. */
function ownIssues({ kind, issues }: ReadObject): readonly Issue[] {
  return kind === 'scan' ? issues.filter(({ incomplete }) => incomplete) : issues;
}

function makeKnown({ kind, content }: ReadObject, events: KnownEvents): void {
  switch (kind) {
    case 'item':
      return addTo(eventOf(content!, events), { kind, id: content!.id, variations: variationsOf(content!) });
    case 'date':
      return addTo(eventOf(content!, events), { kind, id: content!.id, seatingPlan: content!.seatingPlan });
    case 'list':
    case 'question':
    case 'category':
    case 'taxrule':
    case 'quota':
      return addTo(eventOf(content!, events), { kind, id: content!.id });
    default:
  }
}

const eventOf = (content: { organizer: string; event: string }, events: KnownEvents) =>
  eventIn(events, content.organizer, content.event);

/**
 * If nothing will be imported, the objects of an invalid event are checked nevertheless, so that all problems are reported
 * at once.
 */
const isLeftOut = ({ issues }: Entry, { skipInvalid, isWhole }: Walk): boolean =>
  skipInvalid && isWhole && issues.length > 0;
