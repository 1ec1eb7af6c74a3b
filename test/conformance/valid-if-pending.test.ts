import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, ITEMS, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { scan, summaries, ticketOffice, type FreshTicket, type Scanned } from './scans';

/*
 * Orders that are pending and nevertheless valid (contract §10, 4.17: `valid_if_pending`): their tickets let in as those of paid
 * ones. And what the droid's download says of tickets that must not be let in, although they are paid.
 */

const HOUR = 3_600_000;
const office = ticketOffice(72_000);
const valid = { valid_if_pending: true };
const fresh = (order: object = {}, fields: object = {}, status: 'p' | 'n' | 'e' | 'c' = 'n') =>
  office.ticket({ item: ITEMS.pass, ...fields }, status, { ...order });
const t = {
  valid: fresh(valid),
  forDroid: fresh(valid),
  unapproved: fresh({ ...valid, require_approval: true }),
  pending: fresh(),
  expired: fresh(valid, {}, 'e'),
  changing: fresh(valid),
  blocked: fresh({}, { blocked: ['admin'] }, 'p'),
  early: fresh({}, { valid_from: new Date(Date.now() + HOUR).toISOString() }, 'p'),
  late: fresh({}, { valid_until: '2020-01-01T00:00:00Z' }, 'p'),
  inTime: fresh({}, { valid_from: '2020-01-01T00:00:00Z', valid_until: '2120-01-01T00:00:00Z' }, 'p'),
};

let system: System;
let without: { position_count: number };
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(festival());
  without = (await get(`${OPENAIR}checkinlists/${LISTS.main}/`)) as typeof without;
  await system.import(office.addTo(festival(), 'openair'));
});
afterAll(() => system.close());

const get = async (target: string) => (await system.call('GET', target, { token: TOKENS.admin })).body;
const main = droid({ call: (...args) => system.call(...args) }, 'demo/openair', DROID_KEYS.main);
const pendingToo = droid({ call: (...args) => system.call(...args) }, 'demo/openair', DROID_KEYS.pending);
const redeem = (ticket: FreshTicket, json: object = {}, list: number = LISTS.main): Promise<Scanned> =>
  scan(system, { event: OPENAIR, list, ticket: ticket.id }, { token: TOKENS.admin, json });
const said = ({ status, body }: Scanned) => (status === 201 ? 'ok' : `${status} ${body.reason}`);
const positions = `${OPENAIR}checkinlists/${LISTS.main}/positions/`;
const found = async (query: string) => {
  const { results } = (await get(`${positions}?page_size=100&${query}`)) as { results: { id: number }[] };
  return results.map(({ id }) => id);
};

describe('a pending order that is valid', () => {
  test('lets in without being asked for the money, and the event says that nobody forced it', async () => {
    const scanned = await redeem(t.valid);
    expect([said(scanned), summaries(scanned.events)]).toEqual(['ok', ['entry']]);
    expect(scanned.body.position).toMatchObject({ order__status: 'n' });
    expect(said(await redeem(t.valid))).toBe('400 already_redeemed');
  });

  test('not while it is unapproved, nor when it has expired; and no other pending order', async () => {
    expect(said(await redeem(t.unapproved, { ignore_unpaid: true }))).toBe('400 unapproved');
    expect(said(await redeem(t.expired, { canceled_supported: true }))).toBe('400 canceled');
    expect(said(await redeem(t.pending))).toBe('400 unpaid');
  });

  test('is on a list without pending orders, and counted there', async () => {
    const list = (await get(`${OPENAIR}checkinlists/${LISTS.main}/`)) as typeof without;
    // Four valid ones and four paid ones.
    expect(list.position_count).toBe(without.position_count + 8);
    const status = (await get(`${OPENAIR}checkinlists/${LISTS.main}/status/`)) as typeof without;
    expect(status.position_count).toBe(list.position_count);
    expect(await found(`secret=${t.valid.secret}`)).toEqual([t.valid.id]);
    expect(await found(`secret=${t.pending.secret}`)).toEqual([]);
  });

  test('is pending to who filters by status: nobody has heard of another one', async () => {
    expect(await found(`order__status=n&secret=${t.valid.secret}`)).toEqual([t.valid.id]);
    expect(await found(`order__status__in=n,v&secret=${t.valid.secret}`)).toEqual([t.valid.id]);
    expect(await found(`order__status__in=v&ignore_status=true&secret=${t.valid.secret}`)).toEqual([]);
    expect(await found(`order__status=p&secret=${t.valid.secret}`)).toEqual([]);
  });

  test('lets in at an old scanner, which is told that it is paid', async () => {
    expect((await main.get('search/', { query: t.forDroid.secret })).body).toMatchObject({
      results: [{ paid: true, checkin_allowed: true, redeemed: false }],
    });
    expect((await main.redeem({ secret: t.forDroid.secret })).body).toMatchObject({
      ...{ status: 'ok', data: { paid: true, redeemed: true } },
    });
  });

  test('until the shop says otherwise', async () => {
    const state = (fields: object) =>
      system.import({
        ...festival(),
        'demo/events/openair/orders.ndjson': [{ ...office.order(t.changing), ...fields }],
      });
    await state({ valid_if_pending: false });
    expect(said(await redeem(t.changing))).toBe('400 unpaid');
    await state({ valid_if_pending: true });
    expect(said(await redeem(t.changing))).toBe('ok');
  });
});

describe('the download of old scanners', () => {
  type Row = { secret: string; paid: boolean; checkin_allowed: boolean };
  async function download(from: typeof main): Promise<(ticket: FreshTicket) => readonly boolean[] | undefined> {
    const { body } = await from.get('download/');
    const rows = new Map((body as { results: Row[] }).results.map((row) => [row.secret, row]));
    return ({ secret }) => {
      const row = rows.get(secret);
      return row && [row.paid, row.checkin_allowed];
    };
  }
  const YES = [true, true];
  const NO = [false, false];

  test('shows who must not be let in as not paid, since it has no other word', async () => {
    const said = await download(main);
    expect([said(t.forDroid), said(t.inTime), said(t.pending)]).toEqual([YES, YES, undefined]);
    expect([said(t.blocked), said(t.early), said(t.late), said(t.unapproved)]).toEqual([NO, NO, NO, NO]);
    const pending = await download(pendingToo);
    expect([pending(t.pending), pending(t.unapproved), pending(t.valid)]).toEqual([[false, true], NO, YES]);
  });

  test('and shows it anew when its time has come', async () => {
    const now = Date.now.bind(Date);
    const later = jest.spyOn(Date, 'now').mockImplementation(() => now() + HOUR + 60_000);
    const said = await download(main).finally(() => later.mockRestore());
    expect([said(t.early), said(t.late)]).toEqual([YES, NO]);
  });
});

test('the read models equal a replay of history', async () => {
  await system.settled();
  for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);
});
