import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, ITEMS, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { scan, summaries, ticketOffice, type FreshTicket, type Scanned } from './scans';

/* Tickets that the shop has blocked, not yet approved, or that are valid at some time only: contract §10, 4.16 and later. */

const office = ticketOffice(71_000);
const fresh = (fields: Readonly<Record<string, unknown>>, status: 'p' | 'n' | 'e' | 'c' = 'p', order = {}) =>
  office.ticket({ item: ITEMS.pass, ...fields }, status, order);
const ten = '2027-07-16T10:00:00+02:00';
const noon = '2027-07-16T12:00:00+02:00';

const t = {
  blocked: fresh({ blocked: ['admin', 'api:dunning'] }),
  blockedOut: fresh({ blocked: ['admin'] }),
  canceledAndBlocked: fresh({ blocked: ['admin'] }, 'c'),
  blockedAndEarly: fresh({ blocked: ['admin'], valid_from: ten }),
  unapproved: fresh({}, 'n', { require_approval: true }),
  approved: fresh({}, 'p', { require_approval: true }),
  unpaidAndEarly: fresh({ valid_from: ten }, 'n'),
  wrongProductAndLate: fresh({ valid_until: ten, item: ITEMS.day }),
  timed: fresh({ valid_from: ten, valid_until: noon }),
  timedOut: fresh({ valid_until: ten }),
  forced: fresh({ valid_until: ten }),
  plain: fresh({ blocked: null, valid_from: null, valid_until: null }),
  emptyBlocked: fresh({ blocked: [] }),
  phoneBlocked: fresh({ blocked: ['admin'] }),
  phoneLate: fresh({ valid_until: ten }),
  phoneUnapproved: fresh({}, 'n', { require_approval: true }),
};

let system: System;

beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(office.addTo(festival(), 'openair'));
});
afterAll(() => system.close());

const redeem = (ticket: FreshTicket, json: object = {}, list: number = LISTS.main): Promise<Scanned> =>
  scan(system, { event: OPENAIR, list, ticket: ticket.id }, { token: TOKENS.admin, json });
const said = ({ status, body }: Scanned) => (status === 201 ? 'ok' : `${status} ${body.reason}`);

describe('contract §10: reasons', () => {
  test.each<[keyof typeof t, object, string]>([
    ['blocked', {}, '400 blocked'],
    ['canceledAndBlocked', { canceled_supported: true }, '400 canceled'],
    ['blockedAndEarly', {}, '400 blocked'],
    ['unapproved', { ignore_unpaid: true }, '400 unapproved'],
    ['unpaidAndEarly', { datetime: '2027-07-16T07:59:59.999999Z' }, '400 invalid_time'],
    ['unpaidAndEarly', { datetime: '2027-07-16T08:00:00Z' }, '400 unpaid'],
    ['timed', { datetime: '2027-07-16T07:59:59.999999Z' }, '400 invalid_time'],
    ['timed', { datetime: '2027-07-16T10:00:00.000001Z' }, '400 invalid_time'],
    ['timed', { datetime: '2027-07-16T10:00:00Z' }, 'ok'],
    ['approved', {}, 'ok'],
    ['plain', {}, 'ok'],
    ['emptyBlocked', {}, 'ok'],
  ])('%s %j: %s', async (name, json, result) => {
    expect(said(await redeem(t[name], json))).toBe(result);
  });
  test('the time comes before the product', async () => {
    const { body } = await redeem(t.wrongProductAndLate, { datetime: '2027-07-16T12:00:00Z' }, LISTS.passes);
    expect(body.reason).toBe('invalid_time');
  });
  test('a refusal is an event with its reason; force lets in, and the event says so', async () => {
    const late = { datetime: '2027-07-17T00:00:00Z' };
    expect(summaries((await redeem(t.forced, late)).events)).toEqual(['refused: invalid_time']);
    const forced = await redeem(t.forced, { ...late, force: true });
    expect([forced.status, summaries(forced.events)]).toEqual([201, ['entry, forced']]);
  });
  test('out goes whoever is late, but nobody who is blocked', async () => {
    expect(said(await redeem(t.timedOut, { type: 'exit', datetime: '2027-07-17T00:00:00Z' }))).toBe('ok');
    expect(said(await redeem(t.blockedOut, { type: 'exit' }))).toBe('400 blocked');
  });
});

test('contract §10, 4.17: shown of those of whom the shop says something, and of no others', async () => {
  const shown = async ({ id }: FreshTicket) => {
    const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${id}/`;
    return (await system.call('GET', target, { token: TOKENS.admin })).body;
  };
  expect(await shown(t.timed)).toMatchObject({
    ...{ valid_from: '2027-07-16T08:00:00Z', valid_until: '2027-07-16T10:00:00Z', blocked: null },
  });
  expect(await shown(t.blocked)).toMatchObject({ valid_from: null, blocked: ['admin', 'api:dunning'] });
  for (const key of ['valid_from', 'valid_until', 'blocked']) expect(await shown(t.plain)).not.toHaveProperty(key);
});

test('the droid API says it in words that old apps know, and the events say what it was', async () => {
  const phone = droid(system, 'demo/openair', DROID_KEYS.main);
  const told = [];
  for (const { secret } of [t.phoneBlocked, t.phoneLate, t.phoneUnapproved]) {
    const { body } = await phone.redeem({ secret, datetime: '2027-07-17T10:00Z', ignore_unpaid: 'true' });
    told.push((body as { reason: string }).reason);
  }
  expect(told).toEqual(['product', 'product', 'unpaid']);
  const ids = new Set([t.phoneBlocked.id, t.phoneLate.id, t.phoneUnapproved.id]);
  const reasons = (await system.events())
    .map(({ data }) => data as { position?: number; reason?: string })
    .flatMap(({ position, reason }) => (ids.has(position ?? 0) ? [reason] : []));
  expect(reasons).toEqual(['blocked', 'invalid_time', 'unapproved']);
});
