import { randomUUID } from 'node:crypto';
import { admission, ticketStream, type AdmissionEvent } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import { reference, referenceStream, type OrderFact } from '@gatehouse/events/reference';
import { batchStream, sales, type BatchEvent } from '@gatehouse/events/sales';
import {
  batch as batchDecider,
  failBatch,
  issueTickets,
  requestBatch,
  TICKETS_AT_ONCE,
  type Batch,
} from '@gatehouse/domain/batch';
import { request, ticketsFrom } from '@gatehouse/domain/batch-in-test';
import { fold } from '@gatehouse/domain/decider';
import { inTransaction } from '@gatehouse/eventing/postgres';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { tablesInTest } from '../tables-in-test';
import { ticketsModel } from './read-model';

/*
 * Whatever sales, the shop and the gates say, in any interleaving of the three, cut anywhere and delivered again: the tables of
 * `tickets` are those of a replay of one after another.
 */

let filled: Awaited<ReturnType<typeof tablesInTest>>;
let pool: Pool;
beforeAll(async () => {
  filled = await tablesInTest(ticketsModel);
  ({ pool } = filled);
});
afterAll(() => filled.close());

const FEEDS = ['reference', 'sales', 'admission'] as const;
type Feed = (typeof FEEDS)[number];
type Histories = Readonly<Record<Feed, Envelope[]>>;

/** Batches of these numbers of tickets. */
const AMOUNTS = [1, 3, 5, 7];
const LISTS = [1, 2];
const firstOf = (n: number) => 1_000_000_000 + 10 * n;

type Step = { readonly kind: number; readonly n: number; readonly m: number };
const step: fc.Arbitrary<Step> = fc.record({ kind: fc.nat(9), n: fc.nat(3), m: fc.nat(7) });

/** What may happen in the three contexts. */
function historiesOf(steps: readonly Step[]): Histories {
  const histories: Histories = { reference: [], sales: [], admission: [] };
  const revisions = new Map<string, number>();
  function record(feed: Feed, stream: string, event: Pick<Envelope, 'type' | 'version' | 'data'>): void {
    const revision = revisions.get(stream) ?? 0;
    revisions.set(stream, revision + 1);
    const about = { id: randomUUID(), time: '2027-06-20T10:00:00.5Z', actor: 'test:1', trace: null };
    histories[feed].push({ ...event, ...about, stream, revision });
  }
  const batches = new Map<number, BatchEvent[]>();
  const say = (event: AdmissionEvent, stream: string) => record('admission', stream, admission.write(event));

  function batch({ n, m, kind }: Step): void {
    const job = batchNumber(n);
    const events = batches.get(n) ?? [];
    const state = fold<Batch, BatchEvent>(batchDecider, events);
    const decide =
      kind === 0
        ? failBatch('None.')
        : events.length === 0
          ? requestBatch({ ...request, batch: job, amount: AMOUNTS[n]!, item: 3 + (n % 2), testmode: n === 2 })
          : issueTickets(issuedIn(events), ticketsFrom(100 * n + issuedIn(events), 1 + (m % 3)), firstOf(n));
    const made: readonly BatchEvent[] = decide(state).events;
    batches.set(n, [...events, ...made]);
    for (const event of made) record('sales', batchStream(job), sales.write(event));
  }

  for (const each of steps) {
    const { kind, n, m } = each;
    if (kind < 5) batch(each);
    else if (kind === 5) {
      const data = orderFact(n, m, histories.reference.length + 1);
      const stated = { type: 'OrderStated', data } as const;
      record('reference', referenceStream(stated), reference.write(stated));
    } else {
      // Of a batch, whether it is created or not, or of the shop.
      const position = m < 7 ? firstOf(n) + m : 11 + 10 * n;
      const about = { organizer: 'demo', event: 'openair', item: 3, variation: null, date: null, position };
      const list = LISTS[m % 2]!;
      const scan = { forced: false, auto: kind === 6, datetime: '2027-07-01T10:00:00Z', nonce: null };
      if (kind < 9) {
        const data = { ...about, list, first: true, ...scan, nonce_present: false };
        say({ type: 'PositionRedeemed', data }, ticketStream(position));
      } else if (m < 6) say({ type: 'RedemptionUndone', data: { ...about, list, reason: '' } }, ticketStream(position));
      else if (m === 6)
        say(
          { type: 'CheckinListDeleted', data: { organizer: 'demo', event: 'openair', id: list } },
          `checkinlist-${list}`,
        );
    }
  }
  return histories;
}

const batchNumber = (n: number) => `29891ede-196f-4942-9e26-d055a36e98b${n}`;

const issuedIn = (events: readonly BatchEvent[]): number =>
  events.reduce((sum, event) => sum + (event.type === 'TicketsIssued' ? event.data.tickets.length : 0), 0);

/** An order of the shop for the same products. */
function orderFact(n: number, m: number, number: number): OrderFact {
  const position = {
    ...{ positionid: 1, item: 3, variation: null, subevent: null, price: '10.00', tax_rate: '0.00', tax_value: '0.00' },
    ...{ tax_rule: null, attendee_name: null, attendee_name_parts: {}, attendee_email: null, voucher: null },
    ...{ addon_to: null, seat: null, canceled: m === 3, answers: [], checkins: [] },
  };
  return {
    ...{ import: number, hash: String(number), organizer: 'demo', event: 'openair', code: `SHOP${n}`, testmode: false },
    ...{ status: m % 2 === 0 ? ('p' as const) : ('n' as const), email: null, datetime: '2027-05-01T10:00:00Z' },
    ...{ sales_channel: 'web', locale: 'en', require_approval: false, checkin_attention: false, invoice_address: null },
    positions: [1, 2, 3].slice(0, m % 4).map((i) => ({
      ...position,
      id: 10 * n + 10 + i,
      secret: `shop${n}${i}`,
      pseudonymization_id: `SHOP${n}${i}`,
    })),
  };
}

/** `feed` delivers its next `take` events, after the last `again` that it has delivered before; `twice`: and all of that again. */
type Turn = { readonly feed: Feed; readonly take: number; readonly again: number; readonly twice: boolean };
const turn: fc.Arbitrary<Turn> = fc.record({
  feed: fc.constantFrom(...FEEDS),
  take: fc.integer({ min: 1, max: 12 }),
  again: fc.constantFrom(0, 0, 1, 3, 100),
  twice: fc.boolean(),
});

const emptied = () => pool.query(`truncate ${ticketsModel.tables.map(({ name }) => name).join()}`);

async function apply(histories: Histories, turns: readonly Turn[]): Promise<void> {
  await emptied();
  const at = { reference: 0, sales: 0, admission: 0 };
  const rest = FEEDS.map((feed): Turn => ({ feed, take: histories[feed].length, again: 2, twice: false }));
  for (const { feed, take, again, twice } of [...turns, ...rest]) {
    const once = histories[feed].slice(Math.max(0, at[feed] - again), at[feed] + take);
    const events = twice ? [...once, ...once] : once;
    at[feed] = Math.min(histories[feed].length, at[feed] + take);
    if (events.length > 0) await inTransaction(pool, (tx) => ticketsModel.handles[feed]!(tx, events));
  }
}

async function tables(): Promise<Record<string, unknown[]>> {
  const all: Record<string, unknown[]> = {};
  for (const { name, key, columns } of ticketsModel.tables) {
    const shown = columns === '*' ? 'r.*' : columns;
    all[name] = (await pool.query(`select ${shown} from ${name} r order by ${key}`)).rows;
  }
  return all;
}

test('the tables are those of a replay, however events are interleaved, cut and repeated (contract §9.4)', async () => {
  const seen = { tickets: 0, staged: 0, entered: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 20, maxLength: 90 }),
      fc.array(turn, { maxLength: 20 }),
      async (steps, turns) => {
        const histories = historiesOf(steps);
        await apply(histories, []);
        const replayed = await tables();
        await apply(histories, turns);
        expect(await tables()).toEqual(replayed);
        // Exactly those of created batches, as the history has them.
        const created = histories.sales.flatMap((stored) => {
          const event = sales.read(stored)!;
          return event.type === 'BatchCreated' ? [event.data] : [];
        });
        const expected = created.flatMap(({ first_position: first, amount }) =>
          Array.from({ length: amount }, (_none, i) => first + i),
        );
        const { rows } = await pool.query<{ id: number }>('select id from tickets where id >= 1000000000 order by id');
        expect(rows.map(({ id }) => id)).toEqual(expected.sort((a, b) => a - b));
        seen.tickets += expected.length;
        seen.staged += replayed['issued_tickets']!.length;
        seen.entered += replayed['checkin_tallies']!.length;
      },
    ),
    { numRuns: 60 },
  );
  // The histories are not empty ones.
  expect(Object.values(seen).every((each) => each > 0)).toBe(true);
});

test('the counts are those of the rows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 40, maxLength: 90 }),
      fc.array(turn, { maxLength: 20 }),
      async (steps, turns) => {
        await apply(historiesOf(steps), turns);
        const { rows: tickets } = await pool.query(
          `select event, date, item, variation, status, count(*)::integer as tickets from tickets where not canceled
           group by 1, 2, 3, 4, 5 except select * from ticket_tallies`,
        );
        const { rows: checkins } = await pool.query(
          `select c.list, t.event, t.date, t.item, t.variation, t.status, t.canceled, count(*)::integer as checkins
           from checkins c join tickets t on t.id = c.ticket group by 1, 2, 3, 4, 5, 6, 7
           except select list, event, date, item, variation, status, canceled, checkins from checkin_tallies`,
        );
        expect([tickets, checkins]).toEqual([[], []]);
      },
    ),
    { numRuns: 20 },
  );
});

test('a batch of which some tickets are missing is not taken: none of it, and nothing else of the delivery', async () => {
  const steps = [1, 1, 1, 1].map((kind) => ({ kind, n: 1, m: 0 }));
  const { sales: events } = historiesOf(steps);
  expect(events.map(({ type }) => type)).toEqual([
    'BatchRequested', 'TicketsIssued', 'TicketsIssued', 'TicketsIssued', 'BatchCreated',
  ]); // prettier-ignore
  await emptied();
  const incomplete = events.filter((_event, i) => i !== 2);
  await expect(inTransaction(pool, (tx) => ticketsModel.handles.sales!(tx, incomplete))).rejects.toThrow(
    `the tickets of ${batchStream(batchNumber(1))} from number 1 on are missing`,
  );
  expect((await pool.query('select from tickets')).rowCount).toBe(0);
});

test('rows are written in statements of 250, whatever the size of a batch: scans do not wait long for one', async () => {
  const amount = 3 * TICKETS_AT_ONCE;
  const job = batchNumber(0);
  const events: BatchEvent[] = [...requestBatch({ ...request, batch: job, amount })(batchDecider.initial).events];
  for (let from = 0; from < amount; from += TICKETS_AT_ONCE) {
    const issue = issueTickets(from, ticketsFrom(from, TICKETS_AT_ONCE), firstOf(0));
    events.push(...issue(fold<Batch, BatchEvent>(batchDecider, events)).events);
  }
  await emptied();
  let writes = 0;
  let others = 0;
  await inTransaction(pool, (tx) => {
    const counting = {
      query(...asked: unknown[]) {
        if ((asked[0] as { text?: string }).text?.startsWith('insert into tickets ')) writes += 1;
        else others += 1;
        return (tx.query as (...all: unknown[]) => unknown)(...asked);
      },
    };
    return ticketsModel.handles.sales!(
      counting as unknown as typeof tx,
      events.map((event, revision) => ({
        ...sales.write(event),
        ...{
          id: randomUUID(),
          stream: batchStream(job),
          revision,
          time: '2027-06-20T10:00:00Z',
          actor: 'test:1',
          trace: null,
        },
      })),
    );
  });
  expect((await pool.query('select from tickets')).rowCount).toBe(amount);
  expect(writes).toBe(amount / 250);
  expect(others).toBeLessThan(15);
});
