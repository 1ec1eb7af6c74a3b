import { randomUUID } from 'node:crypto';
import { admission, listStream, type AdmissionEvent } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import { reference, referenceStream, type OrderFact, type ReferenceEvent } from '@gatehouse/events/reference';
import { batchStream, sales, type BatchEvent } from '@gatehouse/events/sales';
import { batch as batchDecider, issueTickets, requestBatch, type Batch } from '@gatehouse/domain/batch';
import { FIRST, request, ticketsFrom } from '@gatehouse/domain/batch-in-test';
import { fold } from '@gatehouse/domain/decider';
import { inTransaction } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { credentialsModel } from '@gatehouse/shop/credentials';
import type { Pool } from 'pg';
import { listsModel } from '../lists';
import { tablesInTest } from '../tables-in-test';
import { ANY_DATE, lookups, type Lookup } from './lookup';
import { preparedOf } from './prepared';
import { ticketsModel } from './read-model';
import { COLUMNS, type TicketRow } from './row';

let filled: Awaited<ReturnType<typeof tablesInTest>>;
let pool: Pool;
beforeAll(async () => {
  filled = await tablesInTest(ticketsModel, listsModel, credentialsModel);
  ({ pool } = filled);
  await take(ticketsModel, 'reference', [order('A1', 10, ['one', 'two']), order('B1', 20, ['odd\u0001secret', 'shared'])].map(stated)); // prettier-ignore
  await take(ticketsModel, 'reference', [stated(order('C1', 30, ['shared', 'one'], { event: 'indoor' }))]);
  await take(listsModel, 'admission', [list(1, 'openair'), list(2, 'indoor')]);
  await take(credentialsModel, 'reference', [stated(token(1)), stated(token(2))]);
});
afterAll(() => filled.close());

type Facts = 'reference' | 'sales' | 'admission';
const take = (model: ReadModel, feed: Facts, events: readonly Envelope[]) =>
  inTransaction(pool, (tx) => model.handles[feed]!(tx, events));

const about = { time: '2027-06-20T10:00:00.5Z', actor: 'test:1', trace: null };
const stated = (event: ReferenceEvent): Envelope => ({
  ...{ ...reference.write(event), ...about, id: randomUUID(), stream: referenceStream(event), revision: 0 },
});

function order(code: string, first: number, secrets: string[], more: Partial<OrderFact> = {}): ReferenceEvent {
  const data: OrderFact = {
    ...{ import: 1, hash: code, organizer: 'demo', event: 'openair', code, testmode: false, status: 'p', email: null },
    ...{ datetime: '2027-05-01T10:00:00Z', sales_channel: 'web', locale: 'en', require_approval: false },
    ...{ checkin_attention: false, invoice_address: null, ...more },
    positions: secrets.map((secret, i) => ({
      ...{ id: first + i, positionid: i + 1, item: 3, variation: null, subevent: i === 0 ? null : 7, secret },
      ...{ price: '10.00', tax_rate: '0.00', tax_value: '0.00', tax_rule: null, attendee_name: null },
      ...{ attendee_name_parts: { given_name: 'Ada', family_name: 'Testmann' } },
      ...{ attendee_email: null, voucher: null, addon_to: null, pseudonymization_id: `PS${first + i}` },
      ...{ seat: null, canceled: false, answers: [], checkins: [] },
    })),
  };
  return { type: 'OrderStated', data };
}

function list(id: number, event: string): Envelope {
  const created: AdmissionEvent = {
    type: 'CheckinListCreated',
    data: {
      ...{
        import: null,
        hash: null,
        organizer: 'demo',
        event,
        id,
        name: 'Gate',
        all_products: true,
        limit_products: [],
        subevent: null,
      },
      ...{ include_pending: false, auto_checkin_sales_channels: [] },
    },
  };
  return { ...admission.write(created), ...about, id: randomUUID(), stream: listStream(id), revision: id };
}

const token = (id: number): ReferenceEvent => ({
  type: 'TokenStated',
  data: {
    ...{ import: 1, hash: '', organizer: 'demo', id, name: 'Gate', token_hash: `hash${id}`, active: true },
    ...{ permissions: [], all_events: true, limit_events: [] },
  },
});

const asked = (ask: Partial<Lookup>): Lookup => ({
  ...{ event: 'demo/openair', date: null, secret: 'one', id: null, list: 1, credential: null, ...ask },
});

/** What is found, in short: the ticket's id, the list's revision, and the token's id. */
async function found(asks: readonly Partial<Lookup>[]): Promise<(number | null)[][]> {
  const { find } = lookups(pool);
  const all = await Promise.all(asks.map((ask) => find(asked(ask))));
  return all.map(({ ticket, listRevision, credential }) => [
    ...[ticket?.id ?? null, listRevision, credential ? (credential.fact as { id: number }).id : null],
  ]);
}

test('contract §6.2 look-ups that share a read each have their own ticket, list and credential', async () => {
  const indoor = { event: 'demo/indoor', list: 2 };
  const asks: [Partial<Lookup>, (number | null)[]][] = [
    [{}, [10, 2, null]],
    [{ credential: 'hash1' }, [10, 2, 1]],
    [{ credential: 'hash2' }, [10, 2, 2]],
    [{ credential: 'nobody' }, [10, 2, null]],
    // Not of this date, of this date, of any.
    [{ secret: 'two' }, [null, 2, null]],
    [{ secret: 'two', date: 7 }, [11, 2, null]],
    [{ secret: 'two', date: ANY_DATE }, [11, 2, null]],
    // The same code in another event, and a list of another event.
    [{ ...indoor, secret: 'shared' }, [30, 3, null]],
    [{ secret: 'shared', date: 7, list: 2 }, [21, null, null]],
    [{ list: 99 }, [10, null, null]],
    // The id before the secret, which is tried if the id is none.
    [{ id: 11, date: 7, secret: 'shared' }, [11, 2, null]],
    [{ id: 99 }, [10, 2, null]],
    // Whatever a secret contains, the others are found.
    [{ secret: 'odd\u0001secret' }, [20, 2, null]],
    [{ secret: 'odd' }, [null, 2, null]],
    [{ secret: '' }, [null, 2, null]],
    [{ secret: 'one\0' }, [null, 2, null]],
    [{ secret: '\ud800' }, [null, 2, null]],
    [{ secret: '{"one",NULL}\\' }, [null, 2, null]],
    [{ secret: 'NULL' }, [null, 2, null]],
  ];
  expect(await found(asks.map(([ask]) => ask))).toEqual(asks.map(([, expected]) => expected));
  for (const [ask, expected] of asks) expect(await found([ask])).toEqual([expected]);
});

test('contract §5.1 what is prepared follows each change of a ticket: its order, the name scheme, a batch', async () => {
  const isPrepared = async () => {
    const { rows } = await pool.query<TicketRow>(`select id, ${COLUMNS.join()} from tickets`);
    expect(rows.map(({ prepared }) => prepared)).toEqual(rows.map((row) => preparedOf(row)));
    return rows.map(({ id, prepared }) => [id, prepared] as const);
  };
  const before = new Map(await isPrepared());
  const event = { ...stated(EVENT), revision: 1 };
  await take(ticketsModel, 'reference', [event]);
  const renamed = new Map(await isPrepared());
  expect(renamed.get(10)).not.toBe(before.get(10));
  expect(renamed.get(10)).toContain('Testmann, Ada');

  // It names one ticket only, and is pending.
  const changed = { ...stated(order('A1', 10, ['one'], { import: 2, hash: 'A2', status: 'n' })), revision: 1 };
  await take(ticketsModel, 'reference', [changed]);
  expect(new Map(await isPrepared()).get(11)).not.toBe(renamed.get(11));

  const events: BatchEvent[] = [...requestBatch(request)(fold<Batch, BatchEvent>(batchDecider, [])).events];
  const state = fold<Batch, BatchEvent>(batchDecider, events);
  events.push(...issueTickets(0, ticketsFrom(0, request.amount), FIRST)(state).events);
  const stream = batchStream(request.batch);
  const issued = events.map((each, revision) => ({
    ...sales.write(each),
    ...about,
    id: randomUUID(),
    stream,
    revision,
  }));
  await take(ticketsModel, 'sales', issued);
  const ids = [...new Map(await isPrepared()).keys()];
  expect(ids).toEqual(expect.arrayContaining([FIRST, FIRST + 1, FIRST + 2]));
});

const EVENT: ReferenceEvent = {
  type: 'EventStated',
  data: {
    ...{ import: 1, hash: '', organizer: 'demo', event: 'openair', name: { en: 'Open Air' }, has_subevents: true },
    ...{ date_from: '2027-07-16T12:00:00Z', date_to: null, date_admission: null, location: null, currency: 'EUR' },
    ...{ timezone: 'UTC', locale: 'en', locales: ['en'], name_scheme: 'family_comma_given', public_url: null },
    seat_category_mapping: {},
    settings: {
      ...{ ticket_download: true, ticket_download_pending: false, ticket_download_addons: false },
      ...{ ticket_download_nonadm: true, reservation_time: 30, seating_minimal_distance: 0 },
      ...{ seating_distance_within_row: false, seating_allow_blocked_seats_for_channel: [] },
    },
  },
};
