import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { observeExecuted, type Executed } from '@gatehouse/test-support/executed';
import { API, secret64 } from '@gatehouse/test-support/festival';
import { startSystem, type ExportFiles, type System } from '@gatehouse/test-support/system';

/*
 * A festival is imported into a running, empty system, and the gates open: PostgreSQL has planned every statement while the
 * tables were empty, and autovacuum has not run yet (here it never does). All statements of requests, projections and
 * importer are recorded with the plan that was really used, so the bound applies to each without a list.
 */

const ORDERS = 4_000;
const TICKETS = 3 * ORDERS;
const TOKEN = secret64('fresh');
const KEY = 'DroidFresh0000000000000000000000';
const EVENT = `${API}demo/events/big/`;
const POSITIONS = `${EVENT}checkinlists/1/positions/`;

/** Pages that a statement may read in any case, and for each row that it looks up, returns or writes. */
const PAGES = 150;
const PAGES_PER_ROW = 40;
/** These queries have no index: they may read each page of the tables once. */
const OF_WHOLE_LIST = [
  'ordering=order__code', 'ordering=-order__datetime', 'ordering=positionid', 'ordering=attendee_name', 'ordering=order__email',
  'ordering=-last_checked_in', 'has_checkin=true', 'has_checkin=false', 'item=1', 'item__in=1,2', 'variation=21', 'addon_to=4',
  'voucher=7', 'voucher__code=VOUCHER', 'order__status=p', 'search=CA', 'page=150',
]; // prettier-ignore

let system: System;
let forget: () => void;
let doing = '';
const executed: (Executed & { doing: string })[] = [];

beforeAll(async () => {
  forget = observeExecuted((each) => void executed.push({ ...each, doing }));
  system = await startSystem([checkin, legacyDroid]);
  const { rows } = await system.pool.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('admission', 'reference', 'transport')`,
  );
  for (const { name } of rows) await system.pool.query(`alter table ${name} set (autovacuum_enabled = off)`);
  // Every kind of request runs once while all tables are empty: its plan is made then.
  doing = 'on an empty system';
  await visit();
  doing = 'import';
  await system.import(festivalOf(ORDERS));
  doing = 'waiting for statistics';
  await untilNoneHasDoubled();
}, 120_000);
afterAll(async () => {
  await system.close();
  forget();
});

test('right after an import no statement reads more than its rows need', async () => {
  await visit();
  await scan();
  await importAgain();
  const { rows } = await system.pool.query<{ pages: number }>(
    `select sum(pg_relation_size(oid) / current_setting('block_size')::integer)::integer as pages
     from pg_class where relnamespace = 'admission'::regnamespace and relname in ('tickets', 'checkins')`,
  );
  const measured = executed.filter((each) => each.doing.startsWith('/') || each.doing.includes('import'));
  expect(measured.length).toBeGreaterThan(500);
  expect(measured.filter((each) => exceeds(each, rows[0]!.pages)).map(summaryOf)).toEqual([]);
}, 120_000);

test('a statement that nobody has listed is held to the same', async () => {
  doing = '/new';
  const from = executed.length;
  await system.pool.query("select id from tickets where facts ->> 'attendee_name' = 'nobody'");
  expect(executed.slice(from).filter((each) => exceeds(each, 0))).toHaveLength(1);
});

function exceeds({ doing: route, text, buffers, rows }: Executed & { doing: string }, wholePages: number): boolean {
  // The functions' own statements are recorded separately.
  if (/\b(append_events|fill_inline|fill_tickets_\d+)\(/.test(text)) return false;
  const query = decodeURIComponent(route.split('?')[1] ?? '');
  const whole = OF_WHOLE_LIST.includes(query) || route.endsWith('/download/') ? 1.1 * wholePages : 0;
  return buffers > PAGES + PAGES_PER_ROW * rows + whole;
}

const summaryOf = ({ doing: route, text, buffers, rows }: Executed & { doing: string }): string =>
  `${route}: ${buffers} pages for ${rows} rows: ${text.slice(0, 300)}`;

/**
 * The process with the projections analyses grown tables within a second. Without this wait the test would report those
 * statements.
 */
async function untilNoneHasDoubled(): Promise<void> {
  for (let looks = 0; looks < 200; looks++) {
    const { rows } = await system.pool.query(
      `select 1 from pg_class where relnamespace = 'admission'::regnamespace and relkind = 'r' and relname <> 'events'
         and pg_relation_size(oid) > 2 * greatest(relpages, 8) * current_setting('block_size')::bigint
       union all select 1 from pg_stat_progress_vacuum where datname = current_database()
       union all select 1 from pg_stat_progress_analyze where datname = current_database()`,
    );
    if (rows.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function get(target: string): Promise<void> {
  const before = doing;
  if (executed.some((each) => each.doing === 'import')) doing = target;
  await system.call('GET', target, { token: TOKEN });
  doing = before;
}

/** Reads everything. */
async function visit(): Promise<void> {
  for (const path of ['', '1/', '1/status/', '2/status/']) await get(`${EVENT}checkinlists/${path}`);
  const own = ['', 'page=2', 'search=sample 123', 'search=v77@', `search=${secretOf(50).slice(0, 9)}`, 'order=c1a', 'ignore_status=true',
    'attendee_name=øystein4 sample 15', `secret=${secretOf(55)}`, 'pseudonymization_id=P77', 'subevent__in=']; // prettier-ignore
  for (const query of [...own, ...OF_WHOLE_LIST]) await get(`${POSITIONS}?${encodeURI(query)}`);
  for (const name of ['500', secretOf(501), 'unknown', 'a+b']) {
    await get(`${POSITIONS}${name}/`);
    await get(`${POSITIONS}${name}/?item=1`);
  }
  for (const query of ['', 'search=sample 123']) await get(`${EVENT}checkinlists/2/positions/?${encodeURI(query)}`);
  const key = `key=${KEY}`;
  for (const query of ['sample 44', secretOf(4400).slice(0, 8), 'nobody']) {
    await get(`/pretixdroid/api/demo/big/search/?${key}&query=${encodeURIComponent(query)}`);
  }
  doing = doing === 'waiting for statistics' ? '/pretixdroid' : doing;
  const { get: ask } = droid(system, 'demo/big', KEY);
  await ask('status/');
  const before = doing;
  if (before === '/pretixdroid') doing = '/pretixdroid/download/';
  await ask('download/');
  doing = before;
}

/** Scans by every route, more often than PostgreSQL makes custom plans. */
async function scan(): Promise<void> {
  let next = 4_000;
  const post = async (target: string, json: unknown = {}, headers = {}) => {
    doing = target;
    await system.call('POST', target, { token: TOKEN, json, headers });
    await system.settled();
  };
  for (let n = 0; n < 7; n++) {
    await post(`${POSITIONS}${++next}/redeem/`);
    await post(`${POSITIONS}${secretOf(++next)}/redeem/`);
    await post(`${POSITIONS}${secretOf(next)}/redeem/`);
    await post(`${POSITIONS}${secretOf(++next)}/redeem/?item__in=1,2,3`);
    await post(`${POSITIONS}nobody/redeem/`);
    await post(`${POSITIONS}${++next}/redeem/`, {}, { 'x-idempotency-key': `k${n}` });
    await post(`${POSITIONS}${next}/redeem/`, {}, { 'x-idempotency-key': `k${n}` });
    doing = '/pretixdroid/redeem';
    await droid(system, 'demo/big', KEY).redeem({ secret: secretOf(++next) });
    await system.settled();
    await get(`${POSITIONS}${next}/`);
    doing = '/pretixdroid/redownload';
    await droid(system, 'demo/big', KEY).get('download/');
  }
  await post(`${EVENT}checkinlists/`, { name: 'New', all_products: true, limit_products: [] });
  for (const method of ['PATCH', 'DELETE']) {
    doing = `/${method}`;
    await system.call(method, `${EVENT}checkinlists/2/`, { token: TOKEN, json: { name: 'Renamed' } });
    await system.settled();
  }
}

/** Nothing new, then some changed orders, then another organizer, for which ids are compared. */
async function importAgain(): Promise<void> {
  doing = 'import again';
  const files = festivalOf(ORDERS);
  await system.import(files);
  const orders = files['events/big/orders.ndjson'] as { email: string }[];
  for (const order of orders.slice(0, 300)) order.email = 'other@example.org';
  await system.import(files);
  doing = 'import of another';
  await system.import({
    'organizer.json': { slug: 'other', name: 'Other' },
    'events/small/event.json': { slug: 'small', name: { en: 'Small' }, timezone: 'UTC' },
  });
  doing = '/pretixdroid/redownload';
  await droid(system, 'demo/big', KEY).get('download/');
}

function secretOf(n: number): string {
  return `${((n * 2_654_435_761) % 2 ** 32).toString(36)}x${n.toString(36)}qwertzuiopasdfg`;
}

function festivalOf(count: number): ExportFiles {
  const may = { can_view_orders: true, can_change_orders: true, can_change_event_settings: true };
  return {
    'organizer.json': { slug: 'demo', name: 'Demo' },
    'teams.json': [
      { id: 1, name: 'all', all_events: true, ...may, tokens: [{ name: 't', token: TOKEN, active: true }] },
    ],
    'events/big/event.json': { slug: 'big', name: { en: 'Big' }, timezone: 'UTC' },
    'events/big/items.json': [
      { id: 1, name: { en: 'Pass' }, admission: true, default_price: '10.00' },
      {
        id: 2,
        name: { en: 'Day' },
        default_price: '10.00',
        variations: [
          { id: 21, value: { en: 'Friday' } },
          { id: 22, value: { en: 'Saturday' } },
        ],
      },
      { id: 3, name: { en: 'Parking' }, default_price: '10.00' },
    ],
    'events/big/vouchers.json': [{ id: 7, code: 'VOUCHER', max_usages: 100 }],
    'events/big/checkinlists.json': [
      { id: 1, name: 'Gate', all_products: true, limit_products: [] },
      { id: 2, name: 'Some', all_products: false, limit_products: [1, 3], include_pending: true },
    ],
    'events/big/droidkeys.json': [{ key: KEY, checkin_list: 1, allow_search: true }],
    'events/big/orders.ndjson': Array.from({ length: count }, (_, order) => ({
      code: `C${order.toString(36).toUpperCase()}`,
      status: order % 20 === 0 ? 'n' : 'p',
      email: `guest${order}@example.org`,
      datetime: `2026-06-24T04:${String(order % 60).padStart(2, '0')}:22Z`,
      sales_channel: 'web',
      positions: [1, 2, 3].map((positionid) => positionOf(order, positionid)),
    })),
  };
}

function positionOf(order: number, positionid: number): object {
  const id = order * 3 + positionid;
  const entry = { list: 1, datetime: '2026-11-20T14:45:30Z', type: 'entry', auto_checked_in: false };
  return {
    id,
    positionid,
    item: positionid,
    variation: positionid === 2 ? 21 + (order % 2) : null,
    price: '10.00',
    attendee_name: null,
    attendee_name_parts: {
      _scheme: 'given_family',
      given_name: `Øystein${order % 977}`,
      family_name: `Sample ${id % TICKETS}`,
    },
    attendee_email: `v${id}@example.org`,
    secret: secretOf(id),
    addon_to: positionid === 3 ? id - 2 : null,
    pseudonymization_id: `P${id}`,
    voucher: order % 500 === 0 ? 7 : null,
    canceled: order % 50 === 0 && positionid === 3,
    answers: [],
    checkins: order % 4 === 0 || id >= 4_000 + 200 ? [entry] : [],
  };
}
