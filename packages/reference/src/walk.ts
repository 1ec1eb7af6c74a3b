import type { OrganizerFolder, SourceFile, SourceFolder } from './folder';
import type { EventScope, KnownEvent, SeatingPlan } from './known';
import type { Issue, Note, Reading, Stated } from './raw';
import {
  readDevice,
  readDroidKey,
  readTeam,
  type DeviceContent,
  type DroidKeyContent,
  type TokenContent,
} from './raw-credentials';
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
  type DateReading,
  type EventReading,
} from './raw-events';
import { readOrder, type OrderContent } from './raw-orders';
import {
  readCartPosition,
  readItem,
  readList,
  readQuestion,
  readQuota,
  readScan,
  readSeat,
  readTaxRule,
  readVoucher,
  readWaiting,
} from './raw-products';
import { place, readObject, readRows, type Row } from './rows';

/** What an import brings, by kind. */
export type Contents = {
  organizer: Stated<'OrganizerStated'>;
  channel: Stated<'SalesChannelStated'>;
  event: EventReading;
  date: DateReading;
  category: Stated<'CategoryStated'>;
  taxrule: Stated<'TaxRuleStated'>;
  item: Stated<'ItemStated'>;
  quota: Stated<'QuotaStated'>;
  question: Stated<'QuestionStated'>;
  layout: Stated<'LayoutStated'>;
  list: Stated<'ListStated'>;
  voucher: Stated<'VoucherStated'>;
  waiting: Stated<'WaitingListEntryStated'>;
  seat: Stated<'SeatStated'>;
  cartposition: Stated<'CartPositionStated'>;
  token: TokenContent[];
  device: DeviceContent;
  droidkey: DroidKeyContent;
  order: OrderContent;
  /** Read for what is to be told about it, not imported. */
  plan: { id: number; seats: SeatingPlan };
  scan: undefined;
};
export type Kind = keyof Contents;

/** One object of an export, read. The visitor may add issues; an object with issues is not imported. */
export type Entry = {
  [K in Kind]: {
    readonly kind: K;
    readonly file: SourceFile;
    readonly index: number;
    readonly content: Contents[K] | undefined;
    readonly issues: Issue[];
    readonly notes: readonly Note[];
  };
}[Kind];

/** The files of an event's folder, each after those it refers to; orders come last of all, after the credentials. */
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
];

export type Walk = {
  /** What is known of an event from earlier imports and, as the walk goes on, from the folder. */
  event(organizer: string, event: string): KnownEvent;
  /** Whether the organizer or event of this file was left out, and with it everything it has. */
  leftOut(file: SourceFile): boolean;
  onBytes(bytes: number): void;
};

/**
 * The objects of the folders in the order in which they may be written: nothing comes before what it refers to. The caller
 * enters each valid object into what is known before it asks for the next.
 */
export async function* walk(folders: readonly OrganizerFolder[], options: Walk): AsyncGenerator<Entry[]> {
  for (const folder of folders) yield* walkOrganizer(folder, options);
}

async function* walkOrganizer(folder: OrganizerFolder, options: Walk): AsyncGenerator<Entry[]> {
  const file = folder.files.get('organizer.json');
  // It is there under another name, or cannot be read: that is told already.
  if (!file) return;
  const [own] = entriesOf({ kind: 'organizer', file, read: readOrganizer }, [await readObject(file)], undefined);
  yield [own!];
  const organizer = (own!.content as Contents['organizer'] | undefined)?.organizer ?? folder.name;
  if (options.leftOut(file)) return;

  const scope = { organizer };
  const channels = folder.files.get('saleschannels.json');
  if (channels) yield* walkFile({ kind: 'channel', file: channels, read: readChannel }, scope, options);

  const plans = new Map<number, SeatingPlan>();
  const planFile = folder.files.get('seatingplans.json');
  if (planFile) {
    for await (const entries of walkFile({ kind: 'plan', file: planFile, read: readPlan }, undefined, options)) {
      for (const { content } of entries) {
        const plan = content as Contents['plan'] | undefined;
        if (plan) plans.set(plan.id, plan.seats);
      }
      yield entries;
    }
  }

  const events: { files: SourceFolder['files']; scope: EventScope }[] = [];
  for (const eventFolder of folder.events) {
    const eventScope = yield* walkEvent(eventFolder, { organizer, plans }, options);
    if (eventScope) events.push({ files: eventFolder.files, scope: eventScope });
  }
  const teams = folder.files.get('teams.json');
  if (teams) yield* walkFile({ kind: 'token', file: teams, read: readTeam }, scope, options);
  const devices = folder.files.get('devices.json');
  if (devices) yield* walkFile({ kind: 'device', file: devices, read: readDevice }, scope, options);
  for (const event of events) {
    const keys = event.files.get('droidkeys.json');
    if (keys) yield* walkFile({ kind: 'droidkey', file: keys, read: readDroidKey }, event.scope, options);
  }
  for (const event of events) {
    const orders = event.files.get('orders.ndjson') ?? event.files.get('orders.json');
    if (orders) yield* walkFile({ kind: 'order', file: orders, read: readOrder }, event.scope, options);
  }
}

/** The event and all it has but its orders and keys. Undefined when the event itself was left out. */
async function* walkEvent(
  folder: SourceFolder,
  above: { organizer: string; plans: ReadonlyMap<number, SeatingPlan> },
  options: Walk,
): AsyncGenerator<Entry[], EventScope | undefined> {
  const file = folder.files.get('event.json') ?? missing(folder);
  const settingsFile = folder.files.get('settings.json');
  const settingsRow = settingsFile ? await readObject(settingsFile) : undefined;
  const settings = settingsRow && read(settingsRow, readSettings, undefined);
  const row = file.path === '' ? { index: -1, problem: 'is missing' } : await readObject(file);
  const eventScope = { organizer: above.organizer, folder: folder.name, settings: settings?.content ?? noSettings };
  const [own] = entriesOf({ kind: 'event', file, read: readEvent }, [row], eventScope);
  for (const issue of settings?.issues ?? []) {
    own!.issues.push({ ...issue, path: `(settings.json${issue.path && ` ${issue.path}`})` });
  }
  yield [own!];
  if (options.leftOut(file)) return undefined;

  const content = own!.content as EventReading | undefined;
  const event = content?.event ?? folder.name;
  const known = options.event(above.organizer, event);
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
    if (source) yield* walkFile({ kind: each.kind, file: source, read: each.read }, scope, options);
  }
  return scope;
}

function missing(folder: SourceFolder): SourceFile {
  const sibling = [...folder.files.values()][0];
  const prefix = sibling ? sibling.name.slice(0, sibling.name.lastIndexOf('/') + 1) : `events/${folder.name}/`;
  return { path: '', name: `${prefix}event.json`, bytes: 0 };
}

/** A file, the kind of its objects and how they are read. */
type Source<S> = {
  readonly kind: Kind;
  readonly file: SourceFile;
  readonly read: (value: unknown, scope: S) => Reading<unknown>;
};

async function* walkFile<S>(source: Source<S>, scope: S, options: Walk): AsyncGenerator<Entry[]> {
  for await (const rows of readRows(source.file, options.onBytes)) {
    const entries = entriesOf(source, rows, scope);
    if (entries.length > 0) yield entries;
  }
}

function entriesOf<S>({ kind, file, read: reader }: Source<S>, rows: readonly Row[], scope: S): Entry[] {
  return rows.map((row) => ({ kind, file, index: row.index, ...read(row, reader, scope) }) as Entry);
}

function read<S, C>(row: Row, reader: (value: unknown, scope: S) => Reading<C>, scope: S): Reading<C> {
  if (row.problem === undefined) return reader(row.value, scope);
  const { problem: reason, incomplete } = row;
  return { content: undefined, issues: [{ path: '', reason, ...(incomplete && { incomplete }) }], notes: [] };
}

/** `events/openair/orders.ndjson:17 positions[0].item: 4711 is no product of this event` */
export function told(entry: Pick<Entry, 'file' | 'index'>, issue: Issue): string {
  const where = place(entry.file, entry.index);
  return printable(issue.path === '' ? `${where}: ${issue.reason}` : `${where} ${issue.path}: ${issue.reason}`);
}

/** Names of files and keys may hold anything, also what a terminal would obey. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (odd) => `\\u{${odd.codePointAt(0)!.toString(16)}}`);
