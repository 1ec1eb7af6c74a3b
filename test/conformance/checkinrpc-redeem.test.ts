import { checkin } from '@gatehouse/checkin/service';
import {
  API,
  DATES,
  DEVICES,
  festival,
  ITEMS,
  LISTS,
  OPENAIR,
  order,
  position,
  QUESTIONS,
  TICKETS,
  TOKENS,
} from '@gatehouse/test-support/festival';
import { startSystem, type ExportFiles, type System } from '@gatehouse/test-support/system';
import { rpcScan, scan, summaries, ticketOffice, type Scanned } from './scans';

/* `POST checkinrpc/redeem/`: contract §10, 4.12 and later. Lists of openair, survey and tours are of different events. */

const office = ticketOffice(74_000);
const fresh = (fields: object = {}, status: 'p' | 'n' | 'e' | 'c' = 'p', more: object = {}) =>
  office.ticket({ item: ITEMS.pass, ...fields }, status, { ...more });
const t = {
  plain: fresh(),
  nonce: fresh(),
  both: fresh(),
  exit: fresh(),
  unpaid: fresh({}, 'n'),
  canceled: fresh({}, 'c'),
  shirt: fresh({ item: ITEMS.shirt }),
  spaces: fresh(),
  tokenOf: fresh(),
  expand: fresh({ item: ITEMS.day, variation: 201 }),
  key: fresh(),
  upload: fresh(),
  lost: fresh({}, 'c'),
  attention: fresh({ item: ITEMS.vip }),
};

/** A pass with a shirt and two parking spots, another one with one parking spot. */
const [FAMILY, SINGLE, TWINS] = [
  { id: 75_001, secret: 'familypass', code: 'FAMIL' },
  { id: 75_011, secret: 'singlepass', code: 'SINGL' },
  { id: 75_021, secret: 'twinspass', code: 'TWINS' },
];
const addon = (id: number, item: number, to: number, more: object = {}) =>
  position({ id, secret: `addon${id}` }, { item, addon_to: to, ...more });
const groups = [
  order(FAMILY.code, {}, [
    position(FAMILY, { item: ITEMS.pass }),
    addon(75_002, ITEMS.parking, FAMILY.id),
    addon(75_003, ITEMS.parking, FAMILY.id),
    addon(75_004, ITEMS.shirt, FAMILY.id),
    addon(75_005, ITEMS.loose, FAMILY.id, { canceled: true }),
  ]),
  order(SINGLE.code, {}, [position(SINGLE, { item: ITEMS.pass }), addon(75_012, ITEMS.parking, SINGLE.id)]),
  order(TWINS.code, {}, [
    position(TWINS, { item: ITEMS.pass }),
    addon(75_022, ITEMS.parking, TWINS.id, { valid_until: '2020-01-01T00:00:00Z' }),
    addon(75_023, ITEMS.parking, TWINS.id),
  ]),
];
/** One secret in two events. */
const DOUBLE = 'doublesecret';
const [TILL, SCANNER] = ['7'.repeat(64), '8'.repeat(64)] as const;
const ADDONS = { all_products: false, addon_match: true };

function exported(): ExportFiles {
  const files = office.addTo(festival(), 'openair');
  const lists = 'demo/events/openair/checkinlists.json';
  const [openair, survey] = ['demo/events/openair/orders.ndjson', 'demo/events/survey/orders.ndjson'];
  const devices = files['demo/devices.json'] as object[];
  return {
    ...files,
    'demo/devices.json': [
      ...devices,
      { ...devices[0], device_id: 9, name: 'Till', api_token: TILL, security_profile: 'of_a_later_version' },
      { ...devices[0], device_id: 10, name: 'Scanner', api_token: SCANNER, security_profile: 'pretixscan' },
    ],
    [lists]: [
      ...(files[lists] as unknown[]),
      { id: 541, name: 'Car park', limit_products: [ITEMS.parking], ...ADDONS },
      { id: 542, name: 'Shirts', limit_products: [ITEMS.shirt], ...ADDONS },
      { id: 543, name: 'Pass or car', limit_products: [ITEMS.pass, ITEMS.parking], ...ADDONS },
      { id: 544, name: 'Badges', limit_products: [ITEMS.loose], ...ADDONS },
    ],
    [openair]: [
      ...(files[openair] as unknown[]),
      ...groups,
      order('DOUB1', {}, [position({ id: 75_031, secret: DOUBLE }, { item: ITEMS.pass })]),
    ],
    [survey]: [
      ...(files[survey] as unknown[]),
      order('DOUB2', {}, [position({ id: 75_032, secret: DOUBLE }, { item: 451 })]),
    ],
  };
}

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(exported());
});
afterAll(() => system.close());

const token = TOKENS.admin;
const device = { headers: { authorization: `Device ${DEVICES.gate}` } };
const BOTH = [LISTS.main, LISTS.survey];
const redeem = (secret: string, more: object = {}, ask: Parameters<typeof rpcScan>[2] = { token }, query = '') =>
  rpcScan(system, { secret, lists: BOTH, ...more }, ask, query);
const said = ({ status, body }: Scanned): unknown => (status === 201 ? 'ok' : (body.reason ?? body.status ?? body));

describe('contract §10, 4.12: one scan at several lists', () => {
  test('the list of the ticket is taken, and the reply names it', async () => {
    const first = await redeem(t.plain.secret);
    expect(first.status).toBe(201);
    expect(Object.keys(first.body)).toEqual(['status', 'require_attention', 'checkin_texts', 'position', 'list']);
    expect(first.body).toMatchObject({
      ...{ status: 'ok', require_attention: false, checkin_texts: [] },
      position: {
        id: t.plain.id,
        checkins: [],
        order__status: 'p',
        order__locale: 'en',
        order__valid_if_pending: false,
      },
      list: { id: LISTS.main, name: 'Main gate', event: 'openair', subevent: null, include_pending: false },
    });
    expect(first.events).toMatchObject([
      { type: 'PositionRedeemed', stream: `ticket-${t.plain.id}`, data: { list: LISTS.main, first: true } },
    ]);
    const again = await redeem(t.plain.secret);
    expect(Object.keys(again.body)).toEqual([
      ...['status', 'reason', 'reason_explanation', 'require_attention', 'checkin_texts', 'position', 'list'],
    ]);
    expect(again).toMatchObject({
      status: 400,
      body: {
        ...{ status: 'error', reason: 'already_redeemed', reason_explanation: null },
        position: { checkins: [{ list: LISTS.main, type: 'entry' }] },
      },
    });
  });
  test('in whichever order the lists come, of whichever event the ticket is', async () => {
    const { ticket, question } = QUESTIONS.S.required;
    for (const lists of [BOTH, [...BOTH].reverse()]) {
      const asked = await redeem(ticket.secret, { lists });
      expect(Object.keys(asked.body)).toEqual([
        ...['status', 'require_attention', 'checkin_texts', 'position', 'list', 'questions'],
      ]);
      expect(asked).toMatchObject({
        status: 400,
        body: {
          ...{ status: 'incomplete', list: { id: LISTS.survey, event: 'survey' } },
          questions: [{ id: question, show_during_checkin: false, options: [] }],
        },
      });
    }
    const answered = await redeem(ticket.secret, { answers: { [question]: 'red' } });
    expect(answered.events.map(({ type }) => type)).toEqual(['PositionRedeemed', 'AnswersGiven']);
  });
  test('a list of the date, and none of another', async () => {
    const lists = [LISTS.main, LISTS.morning];
    expect(await redeem(TICKETS.evening.secret, { lists })).toMatchObject({ status: 404 });
    expect(await redeem(TICKETS.morning.secret, { lists })).toMatchObject({
      status: 201,
      body: { list: { id: LISTS.morning, event: 'tours', subevent: DATES.morning } },
    });
  });
  test('with and without a slash, and as a form', async () => {
    const call = (path: string, body: string) =>
      system.call('POST', `${API}demo/checkinrpc/${path}`, {
        ...{ token, body, headers: { 'content-type': 'application/x-www-form-urlencoded' } },
      });
    const form = `secret=${t.both.secret}&lists=${LISTS.main}&lists=${LISTS.survey}&nonce=form`;
    for (const path of ['redeem', 'redeem/']) expect(await call(path, form)).toMatchObject({ status: 201 });
  });
  test('the refusals of a scan by one list', async () => {
    const passes = { lists: [LISTS.survey, LISTS.passes] };
    expect([
      said(await redeem(t.unpaid.secret)),
      said(await redeem(t.canceled.secret)),
      said(await redeem(t.shirt.secret, passes)),
      said(await redeem(t.unpaid.secret, { lists: [LISTS.pending], ignore_unpaid: true })),
    ]).toEqual(['unpaid', 'canceled', 'product', 'ok']);
  });
  test('attention by the product', async () => {
    expect((await redeem(t.attention.secret)).body['require_attention']).toBe(true);
  });
  test('out and in again', async () => {
    const story = [];
    for (const type of ['entry', 'exit', 'entry', 'entry']) story.push(said(await redeem(t.exit.secret, { type })));
    expect(story).toEqual(['ok', 'ok', 'ok', 'already_redeemed']);
  });
  test('a nonce repeat is ok again and records nothing; so by a list alone and by several', async () => {
    const told = [await redeem(t.nonce.secret, { nonce: 'n' }), await redeem(t.nonce.secret, { nonce: 'n' })];
    const at = { event: OPENAIR, list: LISTS.main, ticket: t.nonce.id };
    told.push(await scan(system, at, { token, json: { nonce: 'n' } }));
    expect(told.map(({ status, events }) => [status, events.length])).toEqual([
      [201, 1],
      [201, 0],
      [201, 0],
    ]);
    expect(said(await redeem(t.nonce.secret, { nonce: '' }))).toBe('already_redeemed');
  });
  test('a number is no id: only secrets are looked for', async () => {
    expect(await redeem(String(t.tokenOf.id))).toMatchObject({ status: 404 });
    expect(await redeem(TICKETS.digits.secret)).toMatchObject({ status: 201, body: { position: { id: 1151 } } });
  });
  test('a line end of a wedge scanner is no part of the secret', async () => {
    expect(await redeem(`${t.spaces.secret}\r\n`)).toMatchObject({ status: 201 });
  });
  test('a ticket that nobody knows: 404 with the words of pretix, the first list, and an event', async () => {
    const { status, body, events } = await redeem('nobodysticket', { lists: [LISTS.survey, LISTS.main] });
    expect([status, body]).toEqual([
      404,
      {
        ...{ detail: 'Not found.', status: 'error', reason: 'invalid', reason_explanation: null },
        ...{ require_attention: false, checkin_texts: [] },
        list: {
          id: LISTS.survey,
          name: expect.any(String) as unknown,
          event: 'survey',
          subevent: null,
          include_pending: false,
        },
      },
    ]);
    expect(summaries(events)).toEqual(['refused: unknown_ticket']);
  });
  test('source_type: the media of pretix; a secret may be on any', async () => {
    for (const source_type of ['barcode', 'nfc_uid', 'nfc_mf0aes']) {
      expect(said(await redeem(t.plain.secret, { source_type }))).toBe('already_redeemed');
    }
    expect(await redeem(t.plain.secret, { source_type: 'smell' })).toMatchObject({
      status: 400,
      body: { source_type: ['"smell" is not a valid choice.'] },
    });
  });
  test('expand: whole objects in place of ids', async () => {
    const query = '?expand=item&expand=variation&expand=answers.question&expand=nothing';
    const { body } = await redeem(t.expand.secret, {}, { token }, query);
    expect(body.position).toMatchObject({
      item: { id: ITEMS.day, admission: true },
      variation: { id: 201 },
      answers: [],
    });
    const { ticket, question } = QUESTIONS.S.required;
    const again = await redeem(ticket.secret, {}, { token }, '?expand=answers.question');
    expect(again.body.position!.answers).toMatchObject([{ question: { id: question, type: 'S' }, answer: 'red' }]);
    const tour = await redeem(TICKETS.morning.secret, { lists: [LISTS.morning] }, { token }, '?expand=subevent');
    expect(tour.body.position).toMatchObject({ subevent: { id: DATES.morning } });
  });
  test('pdf_data for those who may read orders', async () => {
    const keys = async (who: string) =>
      Object.keys((await redeem(t.plain.secret, {}, { token: who }, '?pdf_data=true')).body.position!);
    expect(await keys(TOKENS.admin)).toContain('pdf_data');
    expect(await keys(TOKENS.scanner)).not.toContain('pdf_data');
  });
  test('§1.10: an idempotency key gives the same reply', async () => {
    const ask = { token, headers: { 'x-idempotency-key': 'rpc' } };
    const told = [await redeem(t.key.secret, {}, ask), await redeem(t.key.secret, {}, ask)];
    expect(told.map(({ text }) => text)).toEqual([told[0]!.text, told[0]!.text]);
    expect(told.map(({ status, events }) => [status, events.length])).toEqual([
      [201, 1],
      [201, 0],
    ]);
  });
});

describe('contract §10, 4.12: addon_match', () => {
  const at = (list: number, secret: string) => redeem(secret, { lists: [LISTS.survey, list] });
  const shown = ({ status, body }: Scanned) => [status, body.reason, body.position?.id];
  test('the ticket means its add-on that is on the list', async () => {
    expect(shown(await at(542, FAMILY.secret))).toEqual([201, undefined, 75_004]);
    expect(shown(await at(542, FAMILY.secret))).toEqual([400, 'already_redeemed', 75_004]);
    expect(shown(await at(541, SINGLE.secret))).toEqual([201, undefined, 75_012]);
  });
  test('several are ambiguous, also with the ticket itself; the refusal is an event', async () => {
    const told = await at(541, FAMILY.secret);
    expect(shown(told)).toEqual([400, 'ambiguous', FAMILY.id]);
    expect(told.events).toMatchObject([{ data: { reason: 'ambiguous', list: 541, position: FAMILY.id } }]);
    expect(shown(await at(543, SINGLE.secret))).toEqual([400, 'ambiguous', SINGLE.id]);
  });
  test('but not when only one is valid now', async () => {
    expect(shown(await at(541, TWINS.secret))).toEqual([201, undefined, 75_023]);
  });
  test('none on the list, or only a canceled one: the product of the ticket is wrong', async () => {
    expect(shown(await at(542, SINGLE.secret))).toEqual([400, 'product', SINGLE.id]);
    expect(shown(await at(544, FAMILY.secret))).toEqual([400, 'product', FAMILY.id]);
  });
  test('the secret of the add-on is its own', async () => {
    expect(shown(await at(541, 'addon75002'))).toEqual([201, undefined, 75_002]);
  });
  test('by the route of one list as well, but not by an id', async () => {
    const one = (list: number, ticket: string | number) =>
      scan(system, { event: OPENAIR, list, ticket }, { token, json: {} });
    expect(shown(await one(541, FAMILY.secret))).toEqual([400, 'ambiguous', FAMILY.id]);
    expect(shown(await one(542, FAMILY.secret))).toEqual([400, 'already_redeemed', 75_004]);
    expect(shown(await one(542, FAMILY.id))).toEqual([400, 'product', FAMILY.id]);
  });
  test('through the API', async () => {
    const target = `${OPENAIR}checkinlists/${LISTS.passes}/`;
    const patched = await system.call('PATCH', target, { token, json: { addon_match: true } });
    expect(patched).toMatchObject({ status: 200, body: { addon_match: true } });
  });
  test('one secret in two events is ambiguous', async () => {
    expect(said(await redeem(DOUBLE))).toBe('ambiguous');
    expect(await redeem(DOUBLE, { lists: [LISTS.survey] })).toMatchObject({ status: 201 });
  });
});

describe('contract §10, 4.12: who may scan by which lists', () => {
  const unknown = (id: unknown) => ({ lists: [`Invalid pk "${String(id)}" - object does not exist.`] });
  test.each<[string, object, number, unknown]>([
    ['without permission', { token: TOKENS.viewer }, 400, unknown(LISTS.main)],
    ['of another event', { token: TOKENS.openairOnly }, 400, unknown(LISTS.survey)],
    [
      'a device for another event',
      { headers: { authorization: `Device ${DEVICES.toursOnly}` } },
      400,
      unknown(LISTS.main),
    ],
    [
      'of another organizer',
      { token: TOKENS.other },
      403,
      { detail: 'You do not have permission to perform this action.' },
    ],
    ['an unknown token', { token: 'nobody' }, 401, { detail: 'Invalid token.' }],
    [
      'a revoked device',
      { headers: { authorization: `Device ${DEVICES.revoked}` } },
      401,
      { detail: 'Device access has been revoked.' },
    ],
    ['nobody', {}, 401, { detail: 'Authentication credentials were not provided.' }],
  ])('%s', async (_who, ask, status, body) => {
    const told = await redeem(t.tokenOf.secret, {}, ask);
    expect([told.status, told.body, told.events]).toEqual([status, body, []]);
    // Nor is anybody told more who sends nonsense.
    const nonsense = await rpcScan(system, { secret: 5, lists: 'x' }, ask);
    expect([nonsense.status, nonsense.events]).toEqual([status, []]);
  });
  test('the security profile of a device, also by this route (contract §1.3)', async () => {
    const by = (secret: string) => ({ headers: { authorization: `Device ${secret}` } });
    expect(await redeem(t.tokenOf.secret, {}, by(TILL))).toMatchObject({ status: 403, events: [] });
    expect(await redeem('nobodysticket', {}, by(SCANNER))).toMatchObject({ status: 404 });
    for (const [secret, status] of [
      [TILL, 403],
      [SCANNER, 404],
    ] as const) {
      const json = { lists: BOTH, nonce: 'nobody' };
      expect(await system.call('POST', `${API}demo/checkinrpc/annul/`, { ...by(secret), json })).toMatchObject({
        status,
      });
    }
  });
  test('can_checkin_orders', async () => {
    expect(await redeem(t.tokenOf.secret, {}, { token: TOKENS.scanner })).toMatchObject({ status: 201 });
  });
  test.each<[string, object, unknown]>([
    ['no list', { lists: [] }, ['No check-in list passed.']],
    [
      'two of one event',
      { lists: [LISTS.main, LISTS.passes] },
      ['Selecting two check-in lists from the same event is unsupported.'],
    ],
    ['an unknown one', { lists: [LISTS.main, 99_999] }, unknown(99_999)],
    ["another organizer's", { lists: [LISTS.fair] }, unknown(LISTS.fair)],
    ['a huge one', { lists: [1e20] }, unknown('100000000000000000000')],
    ['no list of ids', { lists: 'x' }, { lists: ['Expected a list of items but got type "str".'] }],
    [
      'nothing',
      { lists: undefined, secret: undefined },
      { lists: ['This field is required.'], secret: ['This field is required.'] },
    ],
    ['an empty secret', { secret: '' }, { secret: ['This field may not be blank.'] }],
    ['another type', { type: 'jump' }, { type: ['"jump" is not a valid choice.'] }],
    ['no boolean', { force: 'maybe' }, { force: ['Must be a valid boolean.'] }],
    ['a long nonce', { nonce: 'x'.repeat(191) }, { nonce: ['Ensure this field has no more than 190 characters.'] }],
    ['no time', { datetime: 'soon' }, { datetime: [expect.stringContaining('Datetime has wrong format')] }],
  ])('%s: 400, and no event', async (_what, more, body) => {
    const told = await redeem('nobodysticket', more);
    expect([told.status, told.body, told.events]).toEqual([400, body, []]);
  });
  test('the same list twice is one', async () => {
    expect(said(await redeem(t.plain.secret, { lists: [LISTS.main, LISTS.main] }))).toBe('already_redeemed');
  });
  test('an edited list counts with the next scan, a deleted one is unknown', async () => {
    const made = await system.call('POST', `${OPENAIR}checkinlists/`, { token, json: { name: 'New' } });
    const { id } = made.body as { id: number };
    expect(said(await redeem(t.shirt.secret, { lists: [id] }))).toBe('ok');
    const target = `${OPENAIR}checkinlists/${id}/`;
    await system.call('PATCH', target, { token, json: { all_products: false, limit_products: [ITEMS.pass] } });
    await system.settled();
    expect(said(await redeem(t.shirt.secret, { lists: [id] }))).toBe('product');
    await system.call('DELETE', target, { token });
    await system.settled();
    expect(await redeem(t.shirt.secret, { lists: [id] })).toMatchObject({ status: 400, body: unknown(id) });
  });
});

describe('queued uploads of a device (contract §7, decisions)', () => {
  const queued = { force: true, questions_supported: false, datetime: '2026-07-01T12:00:00Z' };
  test('recorded once, whatever route they take', async () => {
    const more = { ...queued, nonce: 'queued' };
    const told = [await redeem(t.upload.secret, more, device), await redeem(t.upload.secret, more, device)];
    const at = { event: OPENAIR, list: LISTS.main, ticket: t.upload.secret };
    told.push(await scan(system, at, { ...device, json: more }));
    expect(told.map(({ status, events }) => [status, ...summaries(events)])).toEqual([[201, 'entry'], [201], [201]]);
  });
  test.each([
    ['unknown', 'nobodysticket', 'refused: unknown_ticket, forced'],
    ['canceled', t.lost.secret, 'refused: canceled, forced'],
    ['ambiguous', DOUBLE, 'refused: ambiguous, forced'],
  ])(
    '%s: does not hold up the queue: already_redeemed without position; recorded once',
    async (_what, secret, event) => {
      for (const events of [[event], []]) {
        const told = await redeem(secret, { ...queued, nonce: 'bad' }, device);
        expect(told).toMatchObject({ status: 400, body: { status: 'error', reason: 'already_redeemed' } });
        expect(told.body).not.toHaveProperty('position');
        expect(summaries(told.events)).toEqual(events);
      }
    },
  );
});
