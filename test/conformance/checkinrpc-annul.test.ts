import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { API, DEVICES, DROID_KEYS, festival, ITEMS, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type ExportFiles, type System } from '@gatehouse/test-support/system';
import { differences } from '../races/models';
import { rpcScan, scan, ticketOffice } from './scans';

/* `POST checkinrpc/annul/`: contract §10, 2024–2026. A scanner takes a scan back that nobody went through on. */

const office = ticketOffice(76_000);
const fresh = () => office.ticket({ item: ITEMS.pass });
const t = {
  ...{
    plain: fresh(),
    exit: fresh(),
    second: fresh(),
    late: fresh(),
    foreign: fresh(),
    byToken: fresh(),
    twice: fresh(),
  },
  ...{ twin: fresh(), other: fresh(), key: fresh(), repeat: fresh(), refused: fresh() },
};
const OTHER_GATE = 'd'.repeat(64);
const gate = { headers: { authorization: `Device ${DEVICES.gate}` } };
const otherGate = { headers: { authorization: `Device ${OTHER_GATE}` } };
const token = { token: TOKENS.admin };

function exported(): ExportFiles {
  const files = office.addTo(festival(), 'openair');
  const devices = files['demo/devices.json'] as object[];
  return {
    ...files,
    'demo/devices.json': [...devices, { ...devices[0], device_id: 9, name: 'Gate 9', api_token: OTHER_GATE }],
  };
}

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(exported());
});
afterAll(() => system.close());

const lists = [LISTS.survey, LISTS.main];
const enter = (ticket: { secret: string }, nonce: string, more: object = {}, ask: object = gate) =>
  rpcScan(system, { secret: ticket.secret, lists, nonce, ...more }, ask);
type Event = { type: string; actor: string; data: Record<string, unknown> };
async function annul(nonce: string, more: object = {}, ask: object = gate, slash = '/') {
  const before = (await system.events()).length;
  const { status, body } = await system.call('POST', `${API}demo/checkinrpc/annul${slash}`, {
    ...ask,
    json: { lists, nonce, ...more },
  });
  const events = (await system.events()).slice(before) as unknown as Event[];
  return { status, body, events };
}
const OK = { status: 200, body: { status: 'ok' } };
const shownCheckins = async (id: number) => {
  const { body } = await system.call('GET', `${OPENAIR}checkinlists/${LISTS.main}/positions/${id}/`, token);
  return (body as { checkins: { datetime: string }[] }).checkins.map(({ datetime }) => datetime);
};
const minute = (n: number) => `2026-07-01T12:${String(n).padStart(2, '0')}:00Z`;

describe('contract §10, 2024–2026: annul', () => {
  test('the check-in is gone, the reason is told, and the ticket may enter again', async () => {
    expect(await enter(t.plain, 'a')).toMatchObject({ status: 201 });
    const told = await annul('a', { error_explanation: 'Turnstile did not turn' });
    expect(told).toMatchObject({
      ...OK,
      events: [
        {
          type: 'RedemptionUndone',
          actor: 'device:1',
          data: { list: LISTS.main, position: t.plain.id, reason: 'Turnstile did not turn', nonce: 'a' },
        },
      ],
    });
    expect(await shownCheckins(t.plain.id)).toEqual([]);
    expect(await enter(t.plain, 'b')).toMatchObject({ status: 201, body: { position: { checkins: [] } } });
    await system.settled();
    expect(await shownCheckins(t.plain.id)).toHaveLength(1);
  });
  test('a repeat is ok and records nothing, also after the same nonce was used anew', async () => {
    await enter(t.twice, 'again');
    expect(await annul('again', {}, gate, '')).toMatchObject({ ...OK, events: [{}] });
    expect(await annul('again')).toMatchObject({ ...OK, events: [] });
    expect((await enter(t.twice, 'again')).events).toHaveLength(1);
    expect(await annul('again')).toMatchObject({ ...OK, events: [{}] });
    expect(await annul('again')).toMatchObject({ ...OK, events: [] });
  });
  test('§1.10: an idempotency key gives the same reply', async () => {
    await enter(t.key, 'key');
    const ask = { headers: { ...gate.headers, 'x-idempotency-key': 'annul' } };
    expect([await annul('key', {}, ask), await annul('key', {}, ask)]).toMatchObject([
      { ...OK, events: [{}] },
      { ...OK, events: [] },
    ]);
  });
  test('an exit: the ticket is inside again', async () => {
    await enter(t.exit, 'in');
    await enter(t.exit, 'out', { type: 'exit' });
    expect(await annul('out')).toMatchObject({ ...OK, events: [{ data: { scan: { kind: 'exit' } } }] });
    expect(await enter(t.exit, 'in 2')).toMatchObject({ status: 400, body: { reason: 'already_redeemed' } });
  });
  test('the second entry: the first one stands', async () => {
    await enter(t.second, 'first', { datetime: minute(0) });
    await enter(t.second, 'first out', { type: 'exit', datetime: minute(1) });
    await enter(t.second, 'second', { datetime: minute(2) });
    expect(await annul('second', { datetime: minute(3) })).toMatchObject({
      ...OK,
      events: [{ data: { scan: { kind: 'entry', datetime: minute(2) } } }],
    });
    await system.settled();
    expect(await shownCheckins(t.second.id)).toEqual([minute(0)]);
    expect(await enter(t.second, 'third', { datetime: minute(4) })).toMatchObject({ status: 201 });
  });
  test('a forced repeat; the entry stands', async () => {
    await enter(t.repeat, 'r1', { datetime: minute(0) });
    await enter(t.repeat, 'r2', { datetime: minute(1), force: true });
    expect(await annul('r2', { datetime: minute(1) })).toMatchObject({
      ...OK,
      events: [{ data: { scan: { kind: 'repeat' } } }],
    });
    expect(await shownCheckins(t.repeat.id)).toEqual([minute(0)]);
  });
  test('until 15 minutes later, by the clock of the scanner', async () => {
    await enter(t.late, 'late', { datetime: minute(0) });
    expect(await annul('late', { datetime: '2026-07-01T12:15:01Z' })).toEqual({
      status: 400,
      body: { non_field_errors: ['Annulment is not allowed more than 15 minutes after check-in'] },
      events: [],
    });
    // Now is far later, too.
    expect(await annul('late')).toMatchObject({ status: 400, events: [] });
    expect(await annul('late', { datetime: minute(15) })).toMatchObject(OK);
  });
  test('by the same device only', async () => {
    await enter(t.foreign, 'foreign');
    expect(await annul('foreign', {}, otherGate)).toEqual({
      status: 404,
      body: { detail: 'No check-in found based on nonce' },
      events: [],
    });
    expect(await annul('foreign', {}, token)).toEqual({
      status: 400,
      body: { non_field_errors: ['Annulment is only allowed from the same device'] },
      events: [],
    });
    expect(await annul('foreign')).toMatchObject(OK);
  });
  test('what a token let in, another token may take back, but no device', async () => {
    await enter(t.byToken, 'token', {}, token);
    expect(await annul('token')).toMatchObject({ status: 404 });
    expect(await annul('token', {}, { token: TOKENS.scanner })).toMatchObject(OK);
  });
  test('by the lists that are named', async () => {
    await enter(t.other, 'other');
    expect(await annul('other', { lists: [LISTS.survey, LISTS.passes] })).toMatchObject({ status: 404 });
    expect(await annul('other', { lists: [LISTS.main] })).toMatchObject(OK);
  });
  test('a scan by the route of one list, too', async () => {
    await scan(
      system,
      { event: OPENAIR, list: LISTS.main, ticket: t.other.secret },
      { ...gate, json: { nonce: 'one' } },
    );
    expect(await annul('one')).toMatchObject(OK);
  });
  test('an unknown nonce, and that of a refused scan: 404', async () => {
    expect(await annul('nobody')).toMatchObject({ status: 404, body: { detail: 'No check-in found based on nonce' } });
    await enter(t.refused, 'r');
    await enter(t.refused, 'refused');
    expect(await annul('refused')).toMatchObject({ status: 404 });
  });
  test('one nonce of two tickets is ambiguous', async () => {
    await enter(t.twin, 'twin');
    await enter(t.other, 'twin');
    expect(await annul('twin')).toMatchObject({
      ...{ status: 400, body: ['Multiple check-ins found based on nonce'], events: [] },
    });
  });
  test.each<[string, object, object, number]>([
    ['no nonce', { nonce: undefined }, gate, 400],
    ['an empty nonce', { nonce: '' }, gate, 400],
    ['no list', { lists: [] }, gate, 400],
    ['a list that may not be scanned by', {}, { token: TOKENS.viewer }, 400],
    ['another organizer', {}, { token: TOKENS.other }, 403],
    ['nobody', {}, {}, 401],
    ['too much to say', { error_explanation: 'x'.repeat(1_000_000) }, gate, 400],
  ])('%s: refused, and nothing is recorded', async (_what, more, ask, status) => {
    await enter(t.late, 'again late');
    expect(await annul('again late', more, ask)).toMatchObject({ status, events: [] });
  });
  test('old scanners see it, too', async () => {
    const entered = async () => {
      const { body } = await droid(system, 'demo/openair', DROID_KEYS.main).get('download');
      return (body as { results: { secret: string; redeemed: boolean }[] }).results.find(
        ({ secret }) => secret === t.byToken.secret,
      )!.redeemed;
    };
    await enter(t.byToken, 'droid');
    await system.settled();
    expect(await entered()).toBe(true);
    expect(await annul('droid')).toMatchObject(OK);
    await system.settled();
    expect(await entered()).toBe(false);
  });
  test('the read models follow from history', async () => {
    await system.settled();
    expect(await differences(system.databaseUrl)).toEqual([]);
  });
});
