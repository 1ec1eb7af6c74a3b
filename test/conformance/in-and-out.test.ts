import { setTimeout as sleep } from 'node:timers/promises';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import type { Recorded } from '@gatehouse/events/envelope';
import { droid } from '@gatehouse/test-support/droid';
import {
  CROWD,
  DATES,
  DROID_KEYS,
  festival,
  ITEMS,
  LISTS,
  OPENAIR,
  SURVEY,
  TICKETS,
  TOKENS,
  TOURS,
  TWO_QUESTIONS,
} from '@gatehouse/test-support/festival';
import { startSystem, type ExportFiles, type System } from '@gatehouse/test-support/system';
import { differences } from '../races/models';
import { scan, summaries, ticketOffice, type Scanned } from './scans';

/* In, out and in again: contract §10, 3.9 and later. */

const token = TOKENS.admin;
const office = ticketOffice(70_000);
const fresh = (fields: Readonly<Record<string, unknown>> = {}, status: 'p' | 'n' | 'e' | 'c' = 'p') =>
  office.ticket({ item: ITEMS.pass, ...fields }, status);
const hour = (n: number) => `2026-07-01T${String(n).padStart(2, '0')}:00:00Z`;

const t = {
  usual: fresh(),
  timed: fresh(),
  late: fresh(),
  form: fresh(),
  nonce: fresh(),
  single: fresh(),
  several: fresh(),
  counted: fresh(),
  alsoCounted: fresh(),
  canceledLater: fresh(),
  undone: fresh(),
  phone: fresh(),
  oldPhone: fresh(),
  ruled: fresh(),
  misunderstood: fresh(),
  allOut: fresh(),
  outBefore: fresh(),
  inAfter: fresh(),
  unpaid: fresh({}, 'n'),
  imported: fresh({
    checkins: [
      { list: LISTS.main, datetime: hour(9), type: 'entry' },
      { list: LISTS.main, datetime: hour(10), type: 'exit' },
    ],
  }),
};

const STRANGE_LIST = { id: 599, name: 'By gate', rules: { '==': [{ var: 'gate' }, '1'] } };

function exported(): ExportFiles {
  const files = office.addTo(festival(), 'openair');
  const file = 'demo/events/openair/checkinlists.json';
  return { ...files, [file]: [...(files[file] as unknown[]), STRANGE_LIST] };
}

let system: System;
let list: (fields?: object) => Promise<number>;

beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(exported());
  list = async (fields = {}) => {
    const json = { name: 'In and out', ...fields };
    const { status, body } = await system.call('POST', `${OPENAIR}checkinlists/`, { token, json });
    expect(status).toBe(201);
    return (body as { id: number }).id;
  };
});
afterAll(() => system.close());

const at =
  (ticket: { id: number }, on: number) =>
  (json: object = {}): Promise<Scanned> =>
    scan(system, { event: OPENAIR, list: on, ticket: ticket.id }, { token, json });
const said = ({ status, body }: Scanned): unknown => (status === 201 ? 'ok' : (body.reason ?? body.status ?? body));
const statusOf = async (on: number): Promise<Record<string, unknown>> =>
  (await system.call('GET', `${OPENAIR}checkinlists/${on}/status/`, { token })).body as Record<string, unknown>;

describe('contract §10, 3.9: type', () => {
  test('out, and in again as often as it went out', async () => {
    const pass = at(t.usual, await list());
    const story = [];
    for (const type of ['entry', 'entry', 'exit', 'entry', 'entry', 'exit', 'exit', 'entry', null]) {
      story.push(said(await pass({ type })));
    }
    expect(story).toEqual([
      ...['ok', 'already_redeemed', 'ok', 'ok', 'already_redeemed', 'ok', 'ok', 'ok', 'already_redeemed'],
    ]);
  });
  test('an exit is an event, and an entry after it says so', async () => {
    const pass = at(t.timed, await list());
    await pass({ datetime: hour(8) });
    const exit = await pass({ type: 'exit', datetime: hour(9), nonce: 'out' });
    expect(exit).toMatchObject({ status: 201, body: { status: 'ok', position: { id: t.timed.id } } });
    expect(exit.events.map(({ type, stream, data }) => ({ type, stream, data }))).toEqual([
      {
        type: 'PositionExited',
        stream: `ticket-${t.timed.id}`,
        data: expect.objectContaining({ position: t.timed.id, auto: false, datetime: hour(9), nonce_present: true }),
      },
    ]);
    const [again] = (await pass({ datetime: hour(10) })).events;
    expect(again).toMatchObject({ type: 'PositionRedeemed', data: { first: true, again: true, forced: false } });
    expect(await pass({ datetime: hour(9) })).toMatchObject({ status: 400, body: { reason: 'already_redeemed' } });
  });
  test('what is shown stays one check-in, the earliest entry', async () => {
    const on = await list();
    for (const n of [8, 9, 10]) await at(t.late, on)({ type: n === 9 ? 'exit' : 'entry', datetime: hour(n) });
    const { body } = await at(t.late, on)();
    expect(body.position!.checkins).toEqual([{ datetime: hour(8), list: on, auto_checked_in: false }]);
  });
  test('in a form, too', async () => {
    const on = await list();
    const answer = await system.call('POST', `${OPENAIR}checkinlists/${on}/positions/${t.form.secret}/redeem/`, {
      token,
      body: 'type=exit&nonce=7',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer.status).toBe(201);
    await system.settled();
    expect((await statusOf(on))['inside_count']).toBeUndefined();
  });
  test('an exit with a nonce that was heard is a repeat; without one it is another exit', async () => {
    const pass = at(t.nonce, await list());
    const counts = [];
    for (const nonce of ['a', 'a', 'b', null, null]) counts.push((await pass({ type: 'exit', nonce })).events.length);
    expect(counts).toEqual([1, 0, 1, 1, 1]);
  });
  test('4.0: an exit never asks questions', async () => {
    const ask = { token, json: { type: 'exit' } };
    const { id } = TWO_QUESTIONS.ticket;
    const { status, body } = await scan(system, { event: SURVEY, list: LISTS.survey, ticket: id }, ask);
    expect([status, body.status]).toEqual([201, 'ok']);
  });
  test('an exit is refused as an entry would be, and the event says what was refused', async () => {
    const { status, body, events } = await at(t.unpaid, LISTS.main)({ type: 'exit' });
    expect([status, body.reason]).toEqual([400, 'unpaid']);
    expect(events).toMatchObject([{ type: 'RedemptionRefused', data: { reason: 'unpaid', kind: 'exit' } }]);
    const unknown = await scan(
      system,
      { event: OPENAIR, list: LISTS.main, ticket: 'nosuch' },
      { token, json: { type: 'exit' } },
    );
    expect(unknown).toMatchObject({ status: 404, events: [{ data: { reason: 'unknown_ticket', kind: 'exit' } }] });
    const entry = await at(t.unpaid, LISTS.main)();
    expect(entry.events[0]!.data).not.toHaveProperty('kind');
  });
  test('an imported exit lets in again, once', async () => {
    const pass = at(t.imported, LISTS.main);
    expect([said(await pass()), said(await pass())]).toEqual(['ok', 'already_redeemed']);
  });
});

describe('contract §10, 3.9: fields of a list', () => {
  test('allow_entry_after_exit off: out is out', async () => {
    const pass = at(t.single, await list({ allow_entry_after_exit: false }));
    const story = [];
    for (const type of ['exit', 'entry', 'exit', 'entry']) story.push(said(await pass({ type })));
    expect(story).toEqual(['ok', 'ok', 'ok', 'already_redeemed']);
  });
  test('allow_multiple_entries: in as often as it comes; a nonce counts once', async () => {
    const pass = at(t.several, await list({ allow_multiple_entries: true }));
    const told = [];
    for (const nonce of ['a', 'b', 'b', null, null]) told.push(summaries((await pass({ nonce })).events));
    expect(told).toEqual([['entry'], ['entry'], [], ['entry'], ['entry']]);
  });
  const NEWER = {
    allow_multiple_entries: false,
    allow_entry_after_exit: true,
    rules: {},
    exit_all_at: null,
    addon_match: false,
    ignore_in_statistics: false,
    consider_tickets_used: true,
  };
  const SEEDS = [
    ...['id', 'name', 'all_products', 'limit_products', 'subevent', 'checkin_count', 'position_count'],
    ...['include_pending', 'auto_checkin_sales_channels'],
  ];
  test('a list that was never told of them is shown without, any other with all of them', async () => {
    const target = `${OPENAIR}checkinlists/${await list()}/`;
    const keys = async () => Object.keys((await system.call('GET', target, { token })).body as object);
    expect(await keys()).toEqual(SEEDS);
    const patched = await system.call('PATCH', target, { token, json: { allow_multiple_entries: true } });
    expect(patched).toMatchObject({ status: 200, body: { ...NEWER, allow_multiple_entries: true } });
    expect(await keys()).toEqual([...SEEDS, ...Object.keys(NEWER)]);
  });
  test('§12, row 9: PUT resets them where they are shown, PATCH keeps them', async () => {
    const target = `${OPENAIR}checkinlists/${await list({ exit_all_at: '2027-07-17T04:00:00+02:00' })}/`;
    const change = (method: 'PUT' | 'PATCH', json: object) => system.call(method, target, { token, json });
    expect((await change('PATCH', { name: 'Still' })).body).toMatchObject({ exit_all_at: '2027-07-17T02:00:00Z' });
    expect((await change('PUT', { name: 'Reset' })).body).toMatchObject(NEWER);
  });
  test('an unchecked box of a form is no value', async () => {
    const form = (body: string) =>
      system.call('POST', `${OPENAIR}checkinlists/`, {
        token,
        body,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
    expect(Object.keys((await form('name=Plain')).body as object)).toEqual(SEEDS);
    const { body } = await form('name=Boxes&allow_multiple_entries=on');
    expect(body).toMatchObject({ ...NEWER, allow_multiple_entries: true });
  });
  test.each<[string, unknown, string]>([
    ['allow_multiple_entries', 'maybe', 'Must be a valid boolean.'],
    ['allow_entry_after_exit', null, 'This field may not be null.'],
    ['rules', [], 'Value must be valid JSON.'],
    ['exit_all_at', 'at four', 'Datetime has wrong format.'],
  ])('%s: %j is a 400', async (field, value, message) => {
    const json = { name: 'x', [field]: value };
    const { status, body } = await system.call('POST', `${OPENAIR}checkinlists/`, { token, json });
    expect({ status, body }).toEqual({ status: 400, body: { [field]: [expect.stringContaining(message)] } });
  });
});

describe('contract §10, 3.12: inside_count', () => {
  test('is of lists that know of exits, or that somebody has left', async () => {
    expect(await statusOf(LISTS.passes)).not.toHaveProperty('inside_count');
    const told = await list({ allow_entry_after_exit: true });
    expect(await statusOf(told)).toMatchObject({ checkin_count: 0, inside_count: 0 });
    const plain = await list();
    await at(t.counted, plain)();
    expect(await statusOf(plain)).not.toHaveProperty('inside_count');
    await at(t.counted, plain)({ type: 'exit' });
    expect(await statusOf(plain)).toMatchObject({ checkin_count: 1, inside_count: 0 });
  });
  test('follows entries, exits, and what was taken back or canceled', async () => {
    const on = await list({ allow_entry_after_exit: true });
    const inside = async () => (await statusOf(on))['inside_count'];
    await at(t.counted, on)();
    await at(t.alsoCounted, on)();
    await at(t.canceledLater, on)();
    expect(await inside()).toBe(3);
    await at(t.alsoCounted, on)({ type: 'exit' });
    expect(await inside()).toBe(2);
    await at(t.alsoCounted, on)();
    expect(await inside()).toBe(3);
    const canceled = { ...office.order(t.canceledLater), status: 'c' };
    const files = exported();
    const file = 'demo/events/openair/orders.ndjson';
    const orders = (files[file] as { code: string }[]).map((each) => (each.code === canceled.code ? canceled : each));
    await system.import({ ...files, [file]: orders });
    expect(await inside()).toBe(2);
  });
});

describe('contract §10, 3.9: a list of all dates', () => {
  const tourLists = `${TOURS}checkinlists/`;
  const create = (fields: object) => system.call('POST', tourLists, { token, json: { name: 'All tours', ...fields } });
  type Page = { readonly count: number; readonly results: readonly { id: number; subevent: number }[] };
  const redeem = (on: number, ticket: { id: number } | string) =>
    scan(
      system,
      { event: TOURS, list: on, ticket: typeof ticket === 'string' ? ticket : ticket.id },
      { token, json: {} },
    );

  test('is one without a date that says something that is newer; else it is refused as ever', async () => {
    expect(await create({})).toMatchObject({
      status: 400,
      body: { non_field_errors: ['Subevent cannot be null for event series.'] },
    });
    expect(await create({ allow_entry_after_exit: true })).toMatchObject({ status: 201, body: { subevent: null } });
  });
  test('has the tickets of all dates: scanned by id and by secret, listed, searched, counted', async () => {
    const { body: made } = await create({ allow_entry_after_exit: true });
    const { id: on, position_count: tickets } = made as { id: number; position_count: number };
    const told = [
      said(await redeem(on, TICKETS.morning)),
      said(await redeem(on, TICKETS.evening.secret)),
      said(await redeem(on, TICKETS.evening)),
    ];
    expect(told).toEqual(['ok', 'ok', 'already_redeemed']);
    await system.settled();
    const positions = async (query: string) =>
      (await system.call('GET', `${tourLists}${on}/positions/?${query}`, { token })).body as Page;
    const all = await positions('');
    expect(new Set(all.results.map(({ subevent }) => subevent))).toEqual(new Set([DATES.morning, DATES.evening]));
    expect([all.count, all.results.length]).toEqual([tickets, tickets]);
    expect((await positions('has_checkin=true')).results.map(({ id }) => id).sort()).toEqual(
      [TICKETS.morning.id, TICKETS.evening.id].sort(),
    );
    expect((await positions(`secret=${TICKETS.evening.secret}`)).count).toBe(1);
    const names = await positions('ordering=attendee_name');
    expect(names.count).toBe(tickets);
    const counts = { checkin_count: 2, position_count: tickets };
    expect((await system.call('GET', `${tourLists}${on}/`, { token })).body).toMatchObject(counts);
    expect((await system.call('GET', `${tourLists}${on}/status/`, { token })).body).toMatchObject({
      ...counts,
      inside_count: 2,
    });
    const listed = (await system.call('GET', tourLists, { token })).body as { results: { id: number }[] };
    expect(listed.results.find(({ id }) => id === on)).toMatchObject(counts);
  });
  test('an event without dates has none of other events on such a list', async () => {
    const on = await list({ allow_entry_after_exit: true });
    const other = await scan(system, { event: OPENAIR, list: on, ticket: TICKETS.morning.id }, { token, json: {} });
    expect(other.status).toBe(404);
  });
});

describe('contract §10, 3.12: exit_all_at', () => {
  const hours = (n: number) => new Date(Date.now() - n * 3_600_000).toISOString();
  const fieldsOf = async (on: number) =>
    (await system.call('GET', `${OPENAIR}checkinlists/${on}/`, { token })).body as { exit_all_at: string };
  const autosOf = async ({ id }: { id: number }, on: number) =>
    (await system.events()).flatMap(({ stream, type, data }) => {
      const { list: by, auto, datetime } = data as { list: number; auto: boolean; datetime: string };
      return stream === `ticket-${id}` && type === 'PositionExited' && by === on && auto ? [datetime] : [];
    });

  test('everybody who was inside has left then, and the list waits for the next day', async () => {
    const on = await list({ allow_entry_after_exit: true });
    await at(t.allOut, on)({ datetime: hours(5) });
    await at(t.outBefore, on)({ datetime: hours(5) });
    await at(t.outBefore, on)({ type: 'exit', datetime: hours(4) });
    await at(t.inAfter, on)({ datetime: hours(1) });
    const then = hours(3);
    const json = { exit_all_at: then };
    expect((await system.call('PATCH', `${OPENAIR}checkinlists/${on}/`, { token, json })).status).toBe(200);
    const due = Date.parse(then) + 24 * 3_600_000;
    while (Date.parse((await fieldsOf(on)).exit_all_at) < due) await sleep(50);
    expect(Date.parse((await fieldsOf(on)).exit_all_at)).toBe(due);
    const autos = await Promise.all([t.allOut, t.outBefore, t.inAfter].map((ticket) => autosOf(ticket, on)));
    expect(autos.map((times) => times.map((time) => Date.parse(time)))).toEqual([[Date.parse(then)], [], []]);
    expect(await statusOf(on)).toMatchObject({ checkin_count: 3, inside_count: 1 });
    const told = [t.allOut, t.outBefore, t.inAfter].map(async (ticket) => said(await at(ticket, on)()));
    expect(await Promise.all(told)).toEqual(['ok', 'ok', 'already_redeemed']);
  });
  test('a whole crowd, page by page', async () => {
    const target = `${CROWD}checkinlists/`;
    const json = { name: 'Crowd', allow_entry_after_exit: true };
    const { id: on } = (await system.call('POST', target, { token, json })).body as { id: number };
    const crowd = Array.from({ length: 120 }, (_, n) => TICKETS.crowdFirst.id + n);
    await Promise.all(
      crowd.map((ticket) =>
        system.call('POST', `${target}${on}/positions/${ticket}/redeem/`, { token, json: { datetime: hours(5) } }),
      ),
    );
    const inside = async () =>
      ((await system.call('GET', `${target}${on}/status/`, { token })).body as { inside_count: number }).inside_count;
    expect(await inside()).toBe(crowd.length);
    await system.call('PATCH', `${target}${on}/`, { token, json: { exit_all_at: hours(3) } });
    while ((await inside()) > 0) await sleep(50);
    const exits = (await system.events()).filter(({ type, data }) => {
      return type === 'PositionExited' && (data as { list: number }).list === on;
    });
    expect(new Set(exits.map(({ stream }) => stream)).size).toBe(exits.length);
    expect(exits).toHaveLength(crowd.length);
  });
});

describe('contract §10, 3.9: rules', () => {
  const daily = { and: [{ '<': [{ var: 'entries_today' }, 1] }, { '<': [{ var: 'entries_days' }, 2] }] };
  const day = (n: number) => `2026-07-0${n}T12:00:00Z`;

  test('are asked of every entry, not of an exit nor of a repeat; force overrides them', async () => {
    const pass = at(t.ruled, await list({ allow_multiple_entries: true, rules: daily }));
    const told = [];
    for (const scan of [
      { datetime: day(1), nonce: 'a' },
      { datetime: day(1), nonce: 'a' },
      { datetime: day(1), nonce: 'b' },
      { datetime: day(1), type: 'exit' },
      { datetime: day(2) },
      { datetime: day(3) },
      { datetime: day(3), force: true },
    ]) {
      const answer = await pass(scan);
      told.push([said(answer), ...summaries(answer.events)]);
    }
    expect(told).toEqual([
      ['ok', 'entry'],
      ['ok'],
      ['rules', 'refused: rules'],
      ['ok', 'PositionExited'],
      ['ok', 'entry'],
      ['rules', 'refused: rules'],
      ['ok', 'entry, forced'],
    ]);
  });
  test('that are not understood cannot be set here', async () => {
    const json = { name: 'x', rules: { and: [{ '==': [{ var: 'gate' }, '1'] }] } };
    expect(await system.call('POST', `${OPENAIR}checkinlists/`, { token, json })).toMatchObject({
      status: 400,
      body: { rules: ['The rules are not understood: the variable "gate" is not known.'] },
    });
  });
  test('that are not understood and come with an import let nobody in, but with force, and out', async () => {
    const pass = at(t.misunderstood, STRANGE_LIST.id);
    expect(said(await pass())).toBe('rules');
    expect(said(await pass({ type: 'exit' }))).toBe('ok');
    expect(summaries((await pass({ force: true })).events)).toEqual(['entry, forced']);
    const target = `${OPENAIR}checkinlists/${STRANGE_LIST.id}/`;
    expect((await system.call('GET', target, { token })).body).toMatchObject({ rules: STRANGE_LIST.rules });
  });
  test('hold at old phones, too', async () => {
    const target = `${OPENAIR}checkinlists/${LISTS.main}/`;
    const change = (rules: object) => system.call('PATCH', target, { token, json: { rules } });
    await change({ inList: [{ var: 'product' }, { objectList: [] }] });
    const phone = droid(system, 'demo/openair', DROID_KEYS.main);
    expect((await phone.redeem({ secret: t.oldPhone.secret })).body).toMatchObject({ reason: 'product' });
    await change({});
    expect((await phone.redeem({ secret: t.oldPhone.secret })).body).toMatchObject({ status: 'ok' });
  });
});

test('the droid API sees no exits: a ticket that has left is let in as by any other gate', async () => {
  const phone = droid(system, 'demo/openair', DROID_KEYS.main);
  const redeem = async () =>
    (await phone.redeem({ secret: t.phone.secret })).body as { status: string; reason?: string };
  expect(await redeem()).toMatchObject({ status: 'ok' });
  expect(await redeem()).toMatchObject({ reason: 'already_redeemed' });
  await at(t.phone, LISTS.main)({ type: 'exit' });
  const before = (await phone.get('status')).body as { checkins: number };
  expect(await redeem()).toMatchObject({ status: 'ok' });
  expect((await phone.get('status')).body).toMatchObject({ checkins: before.checkins });
});

test('the read models follow from history', async () => {
  await system.settled();
  expect(await differences(system.databaseUrl)).toEqual([]);
  const streams = (await system.events()) as readonly Recorded[];
  expect(streams.some(({ type }) => type === 'PositionExited')).toBe(true);
});
