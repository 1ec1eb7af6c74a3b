import { checkin } from '@gatehouse/checkin/service';
import {
  DATES,
  DEVICES,
  festival,
  ITEMS,
  LISTS,
  OPENAIR,
  TICKETS,
  TOKENS,
  TOURS,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { scan, summaries, ticketOffice, type Scanned } from './scans';

/* What scanners tell when they have a network again: their queues (clients.md §2, §7) and contract §10, 4.1. */

const office = ticketOffice(72_000);
const fresh = (status: 'p' | 'n' | 'e' | 'c' = 'p') => office.ticket({ item: ITEMS.pass }, status);
const t = {
  good: fresh(),
  again: fresh(),
  canceled: fresh('c'),
  wrongProduct: fresh(),
  exit: fresh(),
  failed: fresh(),
};
const device = { authorization: `Device ${DEVICES.gate}` };
const then = '2026-07-01T12:00Z';

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(office.addTo(festival(), 'openair'));
});
afterAll(() => system.close());

/** An upload as the app of 2020 sends it. */
const queued = { force: true, ignore_unpaid: false, answers: {}, questions_supported: false, datetime: then };
const upload = (ticket: string, nonce: string, more: object = {}, list: number = LISTS.main): Promise<Scanned> =>
  scan(system, { event: OPENAIR, list, ticket }, { headers: device, json: { ...queued, nonce, ...more } });

describe('queued uploads of a device', () => {
  test('a good scan is recorded once, however often it comes', async () => {
    const told = [];
    for (let n = 0; n < 3; n++) {
      const { status, events } = await upload(t.good.secret, 'good');
      told.push([status, ...summaries(events)]);
    }
    expect(told).toEqual([[201, 'entry'], [201], [201]]);
  });
  test('nor is a forced repeat recorded more than once for each nonce, nor an exit', async () => {
    await upload(t.again.secret, 'first');
    const told = [];
    for (const nonce of ['a', 'a', 'b', 'a', 'b']) told.push(summaries((await upload(t.again.secret, nonce)).events));
    expect(told).toEqual([['repeat, forced'], [], ['repeat, forced'], [], []]);
    const exits = [];
    for (const nonce of ['x', 'x']) exits.push((await upload(t.exit.secret, nonce, { type: 'exit' })).events.length);
    expect(exits).toEqual([1, 0]);
  });
  test.each<[string, () => string, number, string]>([
    ['unknown ticket', () => 'nobodysticket', LISTS.main, 'refused: unknown_ticket, forced'],
    ['canceled ticket', () => t.canceled.secret, LISTS.main, 'refused: canceled, forced'],
    ['ticket of another product', () => t.wrongProduct.secret, LISTS.merchandise, 'refused: product, forced'],
  ])(
    'an %s does not hold up the queue: already_redeemed without position; recorded once, as it is',
    async (_name, secret, list, event) => {
      const more = { canceled_supported: true };
      for (const events of [[event], [], []]) {
        const told = await upload(secret(), `bad ${list}`, more, list);
        expect(told).toMatchObject({ status: 400, body: { status: 'error', reason: 'already_redeemed' } });
        expect(told.body).not.toHaveProperty('position');
        expect(summaries(told.events)).toEqual(events);
      }
      expect(summaries((await upload(secret(), `another ${list}`, more, list)).events)).toEqual([event]);
    },
  );
  test.each<[string, object]>([
    ['without force', { force: false }],
    ['without a time', { datetime: null }],
    ['without a nonce', { nonce: null }],
  ])('a scan %s is no upload: the device hears the truth', async (_name, more) => {
    expect((await upload('nobodysticket', 'online', more)).status).toBe(404);
    expect((await upload(t.canceled.secret, 'online', { canceled_supported: true, ...more })).body.reason).toBe(
      'canceled',
    );
  });
  test('nor is anything of a token', async () => {
    const ask = { token: TOKENS.admin, json: { ...queued, nonce: 'token' } };
    expect((await scan(system, { event: OPENAIR, list: LISTS.main, ticket: 'nobodysticket' }, ask)).status).toBe(404);
  });
});

describe('contract §10, 4.1: POST failed_checkins/', () => {
  const report = async (
    json: object,
    headers: Record<string, string> = {},
    event = OPENAIR,
    list: number = LISTS.main,
  ) => {
    const { rows } = await system.pool.query<{ head: string }>('select coalesce(max(position), 0) as head from events');
    const answer = await system.call('POST', `${event}checkinlists/${list}/failed_checkins/`, {
      headers: { ...device, ...headers },
      json,
    });
    const { rows: events } = await system.pool.query<{ type: string; stream: string; data: Record<string, unknown> }>(
      'select type, stream, data from events where position > $1 order by position',
      [rows[0]!.head],
    );
    return { ...answer, events };
  };

  test('is recorded with reason and time as the device says, and is no entry', async () => {
    const json = {
      raw_barcode: t.failed.secret,
      error_reason: 'invalid_time',
      datetime: then,
      type: 'exit',
      nonce: 'f1',
    };
    const { status, body, events } = await report(json);
    expect({ status, body }).toEqual({
      status: 201,
      body: {
        ...{ error_reason: 'invalid_time', error_explanation: null, raw_barcode: t.failed.secret },
        ...{ raw_item: null, raw_variation: null, raw_subevent: null, nonce: 'f1' },
        ...{ datetime: '2026-07-01T12:00:00Z', type: 'exit', position: null },
      },
    });
    expect(events).toMatchObject([
      {
        type: 'RedemptionRefused',
        data: {
          ...{ list: LISTS.main, position: t.failed.id, item: ITEMS.pass, reason: 'invalid_time', reported: true },
          ...{ kind: 'exit', datetime: '2026-07-01T12:00:00Z', forced: false },
        },
      },
    ]);
    expect((await upload(t.failed.secret, 'in')).status).toBe(201);
  });
  test('the code of an unknown ticket is not recorded, but what the device knows of it', async () => {
    const { status, events } = await report({ raw_barcode: 'secretcode', error_reason: 'invalid', raw_item: 7 });
    expect(status).toBe(201);
    expect(events).toMatchObject([{ data: { position: null, item: 7, variation: null, reason: 'invalid' } }]);
    expect(JSON.stringify(events)).not.toContain('secretcode');
  });
  test('a ticket of another date, or named by its id', async () => {
    const tours = (json: object) => {
      const headers = { authorization: `Token ${TOKENS.admin}` };
      return report({ error_reason: 'product', ...json }, headers, TOURS, LISTS.morning);
    };
    const { id, secret } = TICKETS.evening;
    const about = [{ data: { position: id, date: DATES.evening } }];
    expect(await tours({ raw_barcode: secret })).toMatchObject({ status: 201, events: about });
    expect(await tours({ raw_barcode: 'torn', position: id })).toMatchObject({ status: 201, events: about });
  });
  test('once for each idempotency key, and once for each nonce', async () => {
    const json = { raw_barcode: 'x', error_reason: 'invalid' };
    const key = { 'x-idempotency-key': 'failed once' };
    expect((await report(json, key)).events).toHaveLength(1);
    expect(await report(json, key)).toMatchObject({ status: 201, events: [] });
    expect((await report({ ...json, nonce: 'n' })).events).toHaveLength(1);
    expect(await report({ ...json, nonce: 'n' })).toMatchObject({ status: 201, events: [] });
  });
  test.each<[object, object]>([
    [{}, { error_reason: ['This field is required.'], raw_barcode: ['This field is required.'] }],
    [
      { raw_barcode: '', error_reason: 'bad' },
      { raw_barcode: ['This field may not be blank.'], error_reason: ['"bad" is not a valid choice.'] },
    ],
    [{ raw_barcode: 'x', error_reason: 'invalid', type: 'in' }, { type: ['"in" is not a valid choice.'] }],
    [{ raw_barcode: 'x', error_reason: 'invalid', raw_item: 'a' }, { raw_item: ['A valid integer is required.'] }],
    [
      { raw_barcode: 'x', error_reason: 'invalid', datetime: 'then' },
      { datetime: [expect.stringContaining('wrong format')] },
    ],
    [{ raw_barcode: '\u0000', error_reason: 'invalid' }, { raw_barcode: ['Null characters are not allowed.'] }],
  ])('%j is a 400', async (json, body) => {
    expect(await report(json)).toMatchObject({ status: 400, body, events: [] });
  });
  test('404 for an unknown list, 403 without permission, 405 for a GET', async () => {
    const target = `${OPENAIR}checkinlists/99999/failed_checkins/`;
    expect((await system.call('POST', target, { headers: device, json: {} })).status).toBe(404);
    expect((await system.call('POST', target, { token: TOKENS.viewer, json: {} })).status).toBe(403);
    expect((await system.call('GET', target, { token: TOKENS.viewer })).status).toBe(405);
  });
});
