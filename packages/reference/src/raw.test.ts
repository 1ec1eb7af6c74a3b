import { knownEvent, type EventScope } from './known';
import { readDevice, readDroidKey, readTeam } from './raw-credentials';
import { noSettings, readEvent, readPlan, readSettings } from './raw-events';
import { readList, readQuestion } from './raw-gates';
import { readOrder } from './raw-orders';
import { readItem, readQuota, readVoucher } from './raw-products';
import { readCartPosition, readSeat } from './raw-seats';

const known = knownEvent('demo', 'fest');
known.items.set(1, new Set([11]));
known.items.set(2, new Set());
known.lists.add(5);
known.dates.set(7, 3);
const scope: EventScope = { organizer: 'demo', event: 'fest', known, plans: new Map() };
const reasons = (reading: { issues: { path: string; reason: string }[] }) =>
  reading.issues.map(({ path, reason }) => `${path}: ${reason}`);
const event = (raw: object, settings: object = {}) =>
  readEvent(
    { name: 'Fest', ...raw },
    { organizer: 'demo', folder: 'fest', settings: readSettings(settings, undefined).content! },
  );

describe('events', () => {
  test('the defaults of an event without settings', () => {
    expect(
      readEvent({ name: 'Fest' }, { organizer: 'demo', folder: 'fest', settings: noSettings }).content,
    ).toMatchObject({
      event: 'fest',
      name: { en: 'Fest' },
      has_subevents: false,
      timezone: 'UTC',
      locale: 'en',
      locales: ['en'],
      name_scheme: 'full',
      public_url: null,
      settings: {
        ticket_download: false,
        ticket_download_pending: false,
        ticket_download_addons: false,
        ticket_download_nonadm: true,
        reservation_time: 30,
        seating_minimal_distance: 0,
        seating_distance_within_row: false,
        seating_allow_blocked_seats_for_channel: [],
      },
    });
  });
  test('when both name a zone, the event wins; else the settings', () => {
    const settings = { timezone: 'Asia/Tokyo' };
    expect(event({ timezone: 'Europe/Berlin' }, settings).content!.timezone).toBe('Europe/Berlin');
    expect(event({}, settings).content!.timezone).toBe('Asia/Tokyo');
    expect(reasons(event({ timezone: 'Mars/Base' }))).toEqual(['timezone: is no time zone']);
  });
  test('settings as text', () => {
    const { content } = event({}, { ticket_download: 'True', ticket_download_nonadm: 'False', reservation_time: '20' });
    expect(content!.settings).toMatchObject({
      ticket_download: true,
      ticket_download_nonadm: false,
      reservation_time: 20,
    });
  });
  test('instants are kept in UTC to the microsecond', () => {
    expect(event({ date_from: '2027-07-16T12:00:00.000001+02:00' }).content!.date_from).toBe(
      '2027-07-16T10:00:00.000001Z',
    );
    expect(reasons(event({ date_from: '2027-07-16' }))).toEqual(['date_from: is no date and time']);
  });
});

describe('products', () => {
  test('what an old version lacks has its default, and has_variations follows from the variations', () => {
    expect(readItem({ id: 1, name: 'Pass' }, scope).content).toMatchObject({
      admission: false,
      active: true,
      position: 0,
      category: null,
      internal_name: null,
      generate_tickets: null,
      has_variations: false,
      variations: [],
    });
    const one = readItem(
      { id: 1, name: 'Day', default_price: 59, variations: [{ id: 11, value: 'Friday' }] },
      scope,
    ).content!;
    expect(one.has_variations).toBe(true);
    expect(one.default_price).toBe('59.00');
    expect(one.variations[0]).toEqual({
      id: 11,
      value: { en: 'Friday' },
      active: true,
      position: 0,
      default_price: null,
      checkin_attention: false,
    });
  });
  test('a list of an old version has its channels, one of a newer none', () => {
    const list = readList({ id: 5, name: 'Gate' }, scope).content;
    expect(list).toMatchObject({ all_products: true, limit_products: [], subevent: null, include_pending: false });
    expect(list!.auto_checkin_sales_channels).toEqual([]);
    const channels = { auto_checkin_sales_channels: ['web'] };
    expect(readList({ id: 5, name: 'Gate', ...channels }, scope).content).toMatchObject(channels);
  });
  test('a dependency of an old version becomes a list', () => {
    const question = { id: 1, question: 'Why?', type: 'S', dependency_question: 2, dependency_value: 'YES' };
    expect(readQuestion(question, scope).content!.dependency_values).toEqual(['YES']);
    expect(readQuestion({ ...question, dependency_values: ['NO'] }, scope).content!.dependency_values).toEqual(['NO']);
  });
  test('what a newer version says of a list is kept if it is said', () => {
    const said = {
      allow_multiple_entries: false,
      allow_entry_after_exit: true,
      rules: {},
      exit_all_at: null,
      addon_match: false,
      ignore_in_statistics: false,
      consider_tickets_used: true,
    };
    expect(readList({ id: 5, name: 'Gate', ...said }, scope).content).toMatchObject(said);
    const { content } = readList({ id: 5, name: 'Gate', exit_all_at: '2027-07-17T04:00:00+02:00' }, scope);
    expect(content).toMatchObject({ exit_all_at: '2027-07-17T02:00:00Z', subevent: null });
    for (const field of Object.keys(said).filter((name) => name !== 'exit_all_at'))
      expect(content).not.toHaveProperty(field);
  });
  test('what a list or question has that is not enforced is noted', () => {
    const strict = {
      rules: { '==': [{ var: 'gate' }, 1] },
    };
    expect(readList({ id: 5, name: 'Gate', ...strict }, scope).notes).toEqual(['list.rules']);
    expect(readList({ id: 5, name: 'Gate', rules: {}, exit_all_at: null }, scope).notes).toEqual([]);
    expect(readQuestion({ id: 1, question: 'Age?', type: 'N', valid_number_max: '99' }, scope).notes).toEqual([
      'question.limits',
    ]);
  });
  test('references that lead nowhere', () => {
    expect(reasons(readQuota({ id: 1, items: [1, 9], variations: [11, 12], subevent: 8 }, scope))).toEqual([
      'items: 9 is no product of this event',
      'variations: 12 is no variation of this event',
      'subevent: 8 is no date of this event',
    ]);
    expect(reasons(readVoucher({ id: 1, code: 'X', item: 2, variation: 11 }, scope))).toEqual([
      'variation: 11 is no variation of product 2',
    ]);
    expect(reasons(readDroidKey({ key: 'k', checkin_list: 6 }, scope))).toEqual([
      'checkin_list: 6 is no check-in list of this event',
    ]);
  });
  test('categories are checked only when the export says which there are', () => {
    expect(reasons(readItem({ id: 1, name: 'Pass', category: 4 }, scope))).toEqual([]);
    const strict = { ...scope, known: { ...known, categories: new Set([3]) } };
    expect(reasons(readItem({ id: 1, name: 'Pass', category: 4 }, strict))).toEqual([
      'category: 4 is no category of this event',
    ]);
  });
});

describe('seats', () => {
  const layout = {
    zones: [
      {
        position: { x: 10, y: 20 },
        rows: [
          {
            position: { x: 1, y: 2 },
            seats: [
              { seat_guid: 'A', position: { x: 0.5, y: 0 } },
              { seat_guid: 'B', position: { x: 1.5, y: 0.25 } },
            ],
          },
        ],
      },
    ],
  };
  const plan = readPlan({ id: 3, layout }, undefined).content!;
  const seated: EventScope = { ...scope, plans: new Map([[3, plan.seats]]) };

  test('stand where zone, row and seat of the plan add up to, in the order of the layout', () => {
    expect(readSeat({ id: 1, subevent: 7, seat_guid: 'B' }, seated).content).toMatchObject({
      x: 12.5,
      y: 22.25,
      sorting_rank: 1,
    });
    expect(readPlan({ id: 3, layout: JSON.stringify(layout) }, undefined).content).toEqual(plan);
  });
  test('stand where the export says, when it does', () => {
    const seat = { id: 1, subevent: 7, seat_guid: 'B', x: 1, y: 2, sorting_rank: 9 };
    expect(readSeat(seat, seated).content).toMatchObject({ x: 1, y: 2, sorting_rank: 9 });
  });
  test('stand nowhere without a plan', () => {
    expect(readSeat({ id: 1, seat_guid: 'B' }, seated).content).toMatchObject({ x: null, y: null, blocked: false });
  });
});

describe('orders', () => {
  const position = { id: 1, positionid: 1, item: 2, price: '10.00', secret: 'abc' };
  const order = { code: 'ABCDE', status: 'p', datetime: '2026-06-24T04:32:22+02:00', positions: [position] };

  test('what an old version lacks has its default', () => {
    expect(readOrder(order, scope)).toMatchObject({
      issues: [],
      notes: [],
      content: {
        testmode: false,
        sales_channel: 'web',
        locale: 'en',
        invoice_address: null,
        positions: [
          { canceled: false, addon_to: null, answers: [], checkins: [], tax_rate: '0.00', attendee_name_parts: {} },
        ],
      },
    });
  });
  test('a flat name without parts is kept as contract §2.2 keeps it', () => {
    const named = { ...order, positions: [{ ...position, attendee_name: 'Ada' }] };
    expect(readOrder(named, scope).content!.positions[0]!.attendee_name_parts).toEqual({ _legacy: 'Ada' });
  });
  test('check-ins of unknown lists are counted and left out, refused ones are none', () => {
    const checkins = [
      { list: 5, datetime: '2026-11-20T14:45:30+01:00' },
      { list: 6, datetime: '2026-11-20T14:45:30+01:00' },
      { list: 5, datetime: '2026-11-20T15:45:30+01:00', type: 'exit', nonce: 'n', forced: true },
      { list: 5, datetime: '2026-11-20T15:45:30+01:00', successful: false },
    ];
    const { content, notes } = readOrder({ ...order, positions: [{ ...position, checkins }] }, scope);
    expect(notes).toEqual(['checkin.unknown_list']);
    expect(content!.positions[0]!.checkins).toEqual([
      {
        id: null,
        list: 5,
        datetime: '2026-11-20T13:45:30Z',
        type: 'entry',
        auto_checked_in: false,
        forced: false,
        nonce: null,
      },
      {
        id: null,
        list: 5,
        datetime: '2026-11-20T14:45:30Z',
        type: 'exit',
        auto_checked_in: false,
        forced: true,
        nonce: 'n',
      },
    ]);
  });
  test('everything that is wrong with an order is told at once', () => {
    const wrong = [
      { ...position, item: 4711 },
      { ...position, item: 1, variation: 12, subevent: 8, addon_to: 99 },
    ];
    expect(reasons(readOrder({ ...order, positions: wrong }, scope))).toEqual([
      'positions: one id is there twice',
      'positions[0].item: 4711 is no product of this event',
      'positions[1].addon_to: 99 is no position of this order',
      'positions[1].variation: 12 is no variation of product 1',
      'positions[1].subevent: 8 is no date of this event',
    ]);
    const shapes = {
      code: ' ',
      status: 'x',
      positions: [{ ...position, id: 1_000_000_000, positionid: '1', price: 'much', secret: '' }],
    };
    expect(reasons(readOrder(shapes, scope))).toEqual([
      'code: may not be blank',
      'status: must be n, p, e or c',
      'datetime: is missing',
      'positions[0].id: ids from 1000000000 upwards are given by Gatehouse',
      'positions[0].positionid: must be a number, not a text',
      'positions[0].price: is no amount',
      'positions[0].secret: may not be blank',
    ]);
  });
  test('an answer to a question that the event does not have', () => {
    const strict = { ...scope, known: { ...known, questions: new Set([1]) } };
    const answers = [
      { question: 1, answer: 'x' },
      { question: 2, answer: 'y' },
    ];
    expect(reasons(readOrder({ ...order, positions: [{ ...position, answers }] }, strict))).toEqual([
      'positions[0].answers[1].question: 2 is no question of this event',
    ]);
  });
  test('that it is valid while it is pending is kept where it is', () => {
    const of = (more: object) => readOrder({ ...order, ...more, positions: [position] }, scope);
    expect(of({ valid_if_pending: true })).toMatchObject({ notes: [], content: { valid_if_pending: true } });
    for (const more of [{}, { valid_if_pending: false }, { valid_if_pending: null }]) {
      expect(of(more).content).not.toHaveProperty('valid_if_pending');
    }
  });
  test('blocked and when it is valid are kept where there is something to say', () => {
    const of = (fields: object) =>
      readOrder({ ...order, positions: [{ ...position, ...fields }] }, scope).content!.positions[0];
    const said = { blocked: ['admin'], valid_from: '2027-01-01T01:00:00+01:00', valid_until: '2027-01-02T00:00:00Z' };
    expect(of(said)).toMatchObject({ ...said, valid_from: '2027-01-01T00:00:00Z' });
    // Else every order of an old import would count as changed.
    expect(of({ blocked: null, valid_from: null, valid_until: null })).toEqual(of({}));
    expect(of({ blocked: [] })).toEqual(of({}));
  });
});

describe('carts', () => {
  test('a seat is named by its guid, however the export shows it', () => {
    const cart = {
      id: 1,
      cart_id: 'a@api',
      item: 2,
      price: '1.00',
      datetime: '2026-11-21T03:00:30Z',
      expires: '2027-11-21T03:00:30Z',
    };
    expect(readCartPosition({ ...cart, seat: { id: 4, seat_guid: 'A-1', name: 'x' } }, scope).content!.seat).toBe(
      'A-1',
    );
    expect(readCartPosition({ ...cart, seat: 'A-1' }, scope).content!.seat).toBe('A-1');
  });
});

describe('credentials', () => {
  const tokens = [{ name: 't', token: 'secret' }];
  const permissionsOf = (team: object) => readTeam({ tokens, ...team }, { organizer: 'demo' }).content![0]!.permissions;

  test('rights come from the flags of old versions and from the names of newer ones', () => {
    expect(permissionsOf({})).toEqual([]);
    expect(permissionsOf({ can_view_orders: true, can_checkin_orders: true, can_change_items: true })).toEqual([
      'can_view_orders',
      'can_checkin_orders',
    ]);
    expect(
      permissionsOf({ limit_event_permissions: ['event.orders:write', 'event.settings.general:write', 'other'] }),
    ).toEqual(['can_change_orders', 'can_change_event_settings']);
    expect(permissionsOf({ all_event_permissions: true })).toHaveLength(4);
  });
  test('secrets are hashed at once', () => {
    const [token] = readTeam({ tokens }, { organizer: 'demo' }).content!;
    expect(token).toMatchObject({ active: true, token_hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string });
    const device = readDevice(
      { device_id: 1, name: 'x', api_token: 'hush', initialized: '2026-01-01' },
      { organizer: 'demo' },
    );
    const key = readDroidKey({ key: 'hush', checkin_list: 5 }, scope);
    expect(JSON.stringify([token, device, key])).not.toMatch(/hush|"secret"/);
    expect(key.content).toMatchObject({
      all_items: true,
      items: [],
      allow_search: true,
      show_info: true,
      app: 'pretixdroid',
    });
  });
  test('a device that is not set up, one that is revoked, one with a profile', () => {
    const box = { device_id: 3, name: 'box', initialized: null, api_token: null, security_profile: 'full' };
    expect(readDevice(box, { organizer: 'demo' })).toMatchObject({
      content: { token_hash: null, initialized: false },
      notes: [],
    });
    const lost = {
      ...box,
      revoked: true,
      initialized: '2026-11-21T03:00:00+01:00',
      api_token: 'x',
      security_profile: 'pretixscan',
    };
    expect(readDevice({ ...lost, security_profile: 'doorbell' }, { organizer: 'demo' })).toMatchObject({
      content: { security_profile: 'doorbell' },
      notes: ['device.security_profile'],
    });
    expect(readDevice(lost, { organizer: 'demo' })).toMatchObject({
      content: { revoked: true, initialized: true, security_profile: 'pretixscan' },
      notes: [],
    });
  });
});
