import { refusalLog } from '@gatehouse/admission/refusals';
import { gate, ticketStreams } from '@gatehouse/admission/scan';
import { checkin } from '@gatehouse/checkin/service';
import { listen, openPool } from '@gatehouse/eventing/postgres';
import { postgresStore } from '@gatehouse/eventing/postgres-store';
import {
  DATES,
  ITEMS,
  LISTS,
  OPENAIR,
  TICKETS,
  TOKENS,
  TOURS,
  VARIATIONS,
  festival,
  order,
  position,
  type OrderFields,
} from '@gatehouse/test-support/festival';
import { startSystem, type ExportFiles, type System } from '@gatehouse/test-support/system';
import { scan, summaries, type FreshTicket, type Scanned, type Shown } from './scans';

/* Imported check-ins, and automatic ones at an import: import.md §3 and contract §2.6. */

let system: System;
let importedFirst: string[];

type Row = Readonly<Record<string, unknown>>;
type Made = { readonly ticket: FreshTicket; readonly event: string; readonly order: ReturnType<typeof order> };
const made: Made[] = [];

function ticketWith(
  checkins: readonly Row[],
  { event = 'openair', more = {}, ...fields }: OrderFields & { event?: string; more?: Row } = {},
): FreshTicket {
  const id = 60_000 + made.length;
  const ticket = { id, secret: `imported${id}`, code: `I${id}` };
  const content = position(ticket, { item: ITEMS.pass, checkins, ...more });
  made.push({ ticket, event, order: order(ticket.code, fields, [content]) });
  return ticket;
}

/** The festival with the orders made so far, or only these. */
function exported(orders: readonly Made[] = made): ExportFiles {
  const files: Record<string, unknown> = { ...festival() };
  for (const each of orders) {
    const file = `demo/events/${each.event}/orders.ndjson`;
    files[file] = [...(files[file] as unknown[]), each.order];
  }
  return files;
}

const row = (datetime: string, more: Row = {}): Row => ({ list: LISTS.main, datetime, type: 'entry', ...more });
const { main, passes } = LISTS;

const t = {
  several: ticketWith([
    row('2027-07-01T12:00:00Z', { id: 101, nonce: 'second' }),
    row('2027-07-01T11:00:00Z', { id: 102, type: 'exit' }),
    row('2027-07-01T10:00:00Z', { id: 103, nonce: 'first', auto_checked_in: true }),
    row('2027-07-01T14:00:00+02:00', { id: 104 }),
    row('2027-07-01T09:00:00Z', { id: 105, list: passes }),
  ]),
  exited: ticketWith([row('2027-07-01T09:00:00Z', { id: 111, type: 'exit', nonce: 'out' })]),
  typeless: ticketWith([{ list: main, datetime: '2027-07-01T09:00:00Z' }]),
  growing: ticketWith([row('2027-07-01T12:00:00Z')]),
  undone: ticketWith([row('2027-07-01T12:00:00Z', { id: 121 })]),
  scanned: ticketWith([]),
  canceledLater: ticketWith([row('2027-07-01T12:00:00Z', { id: 131 })]),
};

const shownOn = async (
  ticket: { id: number },
  list: number = main,
  event = OPENAIR,
): Promise<Shown['checkins'] | number> => {
  const target = `${event}checkinlists/${list}/positions/${ticket.id}/?ignore_status=true`;
  const { status, body } = await system.call('GET', target, { token: TOKENS.viewer });
  return status === 200 ? (body as Shown).checkins : status;
};
const redeem = (ticket: { id: number }, json: unknown = {}, list: number = main): Promise<Scanned> =>
  scan(system, { event: OPENAIR, list, ticket: ticket.id }, { token: TOKENS.admin, json });
const historyOf = async ({ id }: { id: number }) =>
  (await system.events()).filter((event) => event.stream === `ticket-${id}`);
/** Another state of one position, with the rest of the festival unchanged. */
const restated = (ticket: FreshTicket, fields: Row, orderFields: Row = {}): ExportFiles =>
  exported(
    made.map((each) => {
      if (each.ticket !== ticket) return each;
      const positions = each.order.positions.map((content) => ({ ...content, ...fields }));
      return { ...each, order: { ...each.order, ...orderFields, positions } };
    }),
  );
const entry = (datetime: string, list: number = main, auto = false) => ({ datetime, list, auto_checked_in: auto });

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(exported());
  importedFirst = summaries(await system.events());
});
afterAll(() => system.close());

describe('import.md §3: check-ins come along', () => {
  test('the APIs show one check-in per list: the earliest entry', async () => {
    expect(await shownOn(t.several)).toEqual([entry('2027-07-01T10:00:00Z', main, true)]);
    expect(await shownOn(t.several, passes)).toEqual([entry('2027-07-01T09:00:00Z', passes)]);
    const { body } = await redeem(t.several);
    expect(body).toMatchObject({
      reason: 'already_redeemed',
      position: { checkins: [entry('2027-07-01T10:00:00Z', main, true)] },
    });
  });
  test('every row is history, with its type, its time in UTC and its nonce', async () => {
    const rows = (await historyOf(t.several)).map(({ type, data }) => [type, data] as const);
    expect(rows.map(([type]) => type)).toEqual(Array(5).fill('CheckinImported'));
    const { id } = t.several;
    const about = { organizer: 'demo', event: 'openair', position: id, item: ITEMS.pass, variation: null, date: null };
    expect(rows.map(([, data]) => data)).toEqual([
      expect.objectContaining({
        ...about,
        list: main,
        kind: 'entry',
        datetime: '2027-07-01T12:00:00Z',
        nonce: 'second',
        auto: false,
      }),
      expect.objectContaining({ ...about, list: main, kind: 'exit', datetime: '2027-07-01T11:00:00Z', nonce: null }),
      expect.objectContaining({
        ...about,
        list: main,
        kind: 'entry',
        datetime: '2027-07-01T10:00:00Z',
        nonce: 'first',
        auto: true,
      }),
      expect.objectContaining({ ...about, list: main, kind: 'entry', datetime: '2027-07-01T12:00:00Z', nonce: null }),
      expect.objectContaining({ ...about, list: passes, kind: 'entry', datetime: '2027-07-01T09:00:00Z' }),
    ]);
  });
  test.each(['first', 'second'])('a scan with the nonce of an imported entry (%s) is its repeat', async (nonce) => {
    const { status, events } = await redeem(t.several, { nonce });
    expect({ status, events }).toEqual({ status: 201, events: [] });
  });
  test('an exit alone is no check-in', async () => {
    expect(await shownOn(t.exited)).toEqual([]);
    expect(summaries((await redeem(t.exited, { nonce: 'out' })).events)).toEqual(['entry']);
  });
  test('a row without a type is an entry', async () => {
    expect(await shownOn(t.typeless)).toEqual([entry('2027-07-01T09:00:00Z')]);
  });
  test('has_checkin and the count follow what is shown', async () => {
    const list = `${OPENAIR}checkinlists/${main}/`;
    const ids = async (query: string) => {
      const { body } = await system.call('GET', `${list}positions/?${query}`, { token: TOKENS.viewer });
      return (body as { results: { id: number }[] }).results.map(({ id }) => id);
    };
    const yes = await ids('has_checkin=true');
    expect(yes).toEqual(
      expect.arrayContaining([t.several.id, t.exited.id, TICKETS.entered.id, TICKETS.enteredByItself.id]),
    );
    expect(yes).not.toContain(t.scanned.id);
    const { body } = await system.call('GET', list, { token: TOKENS.viewer });
    expect((body as { checkin_count: number }).checkin_count).toBe(yes.length);
  });
  test('importing the same again writes nothing', async () => {
    const before = (await system.events()).length;
    await system.import(exported());
    expect(await system.events()).toHaveLength(before);
  });
  test('an earlier entry that comes with a later import is shown, a row that is known is not told again', async () => {
    const rows = [row('2027-07-01T12:00:00Z'), row('2027-07-01T08:00:00Z', { nonce: 'earliest' })];
    await system.import(restated(t.growing, { checkins: rows }));
    expect(await shownOn(t.growing)).toEqual([entry('2027-07-01T08:00:00Z')]);
    expect(await historyOf(t.growing)).toHaveLength(2);
  });
  test('a check-in made here is kept by a changed order, and an earlier imported one is shown instead', async () => {
    await redeem(t.scanned, { datetime: '2027-07-01T12:00:00Z', nonce: 'here' });
    await system.import(restated(t.scanned, { price: '24.00' }));
    expect(await shownOn(t.scanned)).toEqual([entry('2027-07-01T12:00:00Z')]);
    await system.import(restated(t.scanned, { price: '24.00', checkins: [row('2027-07-01T11:30:00Z', { id: 141 })] }));
    expect(await shownOn(t.scanned)).toEqual([entry('2027-07-01T11:30:00Z')]);
    expect(await redeem(t.scanned, { nonce: 'here' })).toMatchObject({ status: 201, events: [] });
  });
  test('what was taken back stays so when the row is imported again, and the ticket may enter anew', async () => {
    expect(await undo(t.undone)).toBe(true);
    expect(await undo(t.undone)).toBe(false);
    await system.settled();
    expect(await shownOn(t.undone)).toEqual([]);
    await system.import(restated(t.undone, { price: '24.00' }));
    expect(await shownOn(t.undone)).toEqual([]);
    expect(summaries((await redeem(t.undone, { datetime: '2027-07-01T13:00:00Z' })).events)).toEqual(['entry']);
    expect(await shownOn(t.undone)).toEqual([entry('2027-07-01T13:00:00Z')]);
  });
  test('a position that is canceled later is not found, and found again with its check-in when it comes back', async () => {
    await system.import(restated(t.canceledLater, { canceled: true }));
    expect(await shownOn(t.canceledLater)).toBe(404);
    await system.import(restated(t.canceledLater, { canceled: false }));
    expect(await shownOn(t.canceledLater)).toEqual([entry('2027-07-01T12:00:00Z')]);
  });
});

describe('§2.6: automatic check-in', () => {
  const boxoffice = { sales_channel: 'boxoffice' };
  const see = async (tickets: Record<string, FreshTicket>): Promise<Record<string, unknown>> => {
    await system.import(exported());
    const shown = Object.entries(tickets).map(async ([name, ticket]) => [name, await autosOf(ticket)] as const);
    return Object.fromEntries(await Promise.all(shown));
  };
  /** The lists that have checked a ticket in automatically. */
  const autosOf = async (ticket: FreshTicket): Promise<number[]> =>
    (await historyOf(ticket)).flatMap(({ type, data }) => {
      const { auto, list, first } = data as { auto: boolean; list: number; first?: boolean };
      return type === 'PositionRedeemed' && auto && first ? [list] : [];
    });
  const createList = async (event: string, fields: Row): Promise<number> => {
    const json = { name: 'Auto', auto_checkin_sales_channels: ['boxoffice'], ...fields };
    const { body } = await system.call('POST', `${event}checkinlists/`, { token: TOKENS.admin, json });
    return (body as { id: number }).id;
  };

  test('never with the import that brings the list', () => {
    expect(importedFirst).not.toContain('entry');
  });

  test('of an order that is seen for the first time after its list, whatever its payment', async () => {
    const seen = {
      paid: ticketWith([], boxoffice),
      pending: ticketWith([], { ...boxoffice, status: 'n' }),
      otherChannel: ticketWith([], { sales_channel: 'web' }),
      expired: ticketWith([], { ...boxoffice, status: 'e' }),
      canceledOrder: ticketWith([], { ...boxoffice, status: 'c' }),
      canceledPosition: ticketWith([], { ...boxoffice, more: { canceled: true } }),
      enteredBefore: ticketWith([row('2027-07-01T08:00:00Z', { id: 201, list: LISTS.auto })], boxoffice),
    };
    const { auto } = LISTS;
    const begin = new Date().toISOString();
    expect(await see(seen)).toEqual({
      paid: [auto],
      pending: [auto],
      otherChannel: [],
      expired: [],
      canceledOrder: [],
      canceledPosition: [],
      enteredBefore: [],
    });
    const [checkin] = (await shownOn(seen.paid, auto)) as Shown['checkins'];
    expect(checkin).toEqual(entry(checkin!.datetime, auto, true));
    expect(checkin!.datetime > begin && checkin!.datetime < new Date().toISOString()).toBe(true);
    expect(await shownOn(seen.enteredBefore, auto)).toEqual([entry('2027-07-01T08:00:00Z', auto)]);
    expect(await redeem(seen.paid, {}, auto)).toMatchObject({ body: { reason: 'already_redeemed' } });
    expect((await historyOf(seen.paid))[0]!.data).toMatchObject({ nonce: null, nonce_present: false, forced: false });

    // Not again: neither by the same import nor by a changed order, nor after it was taken back.
    const before = (await system.events()).length;
    await system.import(exported());
    expect(await system.events()).toHaveLength(before);
    await system.import(restated(seen.expired, {}, { status: 'p' }));
    expect(await autosOf(seen.expired)).toEqual([]);
    expect(await undo(seen.paid, auto)).toBe(true);
    await system.import(restated(seen.paid, { price: '24.00' }));
    expect(await shownOn(seen.paid, auto)).toEqual([]);
  });

  test('on lists made here, too; by their products; not on those that are deleted', async () => {
    const all = await createList(OPENAIR, {});
    const limited = await createList(OPENAIR, { all_products: false, limit_products: [ITEMS.day] });
    const deleted = await createList(OPENAIR, {});
    await system.call('DELETE', `${OPENAIR}checkinlists/${deleted}/`, { token: TOKENS.admin });
    const ticket = ticketWith([], boxoffice);
    const day = ticketWith([], { ...boxoffice, more: { item: ITEMS.day, variation: VARIATIONS.friday } });
    await see({});
    expect(new Set(await autosOf(ticket))).toEqual(new Set([LISTS.auto, all]));
    expect(new Set(await autosOf(day))).toEqual(new Set([LISTS.auto, all, limited]));
  });

  test('in a series the dates are compared', async () => {
    const morning = await createList(TOURS, { subevent: DATES.morning });
    const tour = (subevent: number) =>
      ticketWith([], {
        ...boxoffice,
        event: 'tours',
        more: { item: ITEMS.tour, variation: VARIATIONS.adult, subevent },
      });
    const seen = { morning: tour(DATES.morning), evening: tour(DATES.evening) };
    expect(await see(seen)).toEqual({ morning: [morning], evening: [] });
  });
});

/** Takes a check-in back, as the command line does. */
async function undo(ticket: { id: number }, list: number = main): Promise<boolean> {
  const pool = openPool(system.databaseUrl, 'admission', 2);
  const listener = listen(system.databaseUrl);
  const store = postgresStore({ pool, context: 'admission', listener });
  const about = { id: ticket.id, item: ITEMS.pass, variation: null, date: null };
  const facts = {
    organizer: 'demo',
    event: 'openair',
    id: list,
    all_products: true,
    limit_products: [],
    subevent: null,
    include_pending: false,
  };
  const undone = await gate(ticketStreams(store), refusalLog(store)).undo(
    about,
    { list: facts, reason: 'a test' },
    { actor: 'test', trace: null },
  );
  await store.idle();
  await listener.close();
  await pool.end();
  return undone;
}
