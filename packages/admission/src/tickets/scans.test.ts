import { randomUUID } from 'node:crypto';
import { admission, ticketStream, type AdmissionEvent } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import { reference, referenceStream, type OrderFact } from '@gatehouse/events/reference';
import { inTransaction } from '@gatehouse/eventing/postgres';
import fc from 'fast-check';
import type { Pool } from 'pg';
import { tablesInTest } from '../tables-in-test';
import { ticketsModel } from './read-model';

/*
 * First histories of many tickets are copied, others are written by `fill_tickets`: both must write the same. So histories of
 * several hundred tickets are applied in deliveries that are too small for copying, and in large ones.
 */

let filled: Awaited<ReturnType<typeof tablesInTest>>;
let pool: Pool;
beforeAll(async () => {
  filled = await tablesInTest(ticketsModel);
  ({ pool } = filled);
});
afterAll(() => filled.close());

const TICKETS = 300;
const LISTS = [1, 2, 3];

type Step = { readonly kind: number; readonly ticket: number; readonly list: number; readonly minute: number };
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.nat(6),
  ticket: fc.integer({ min: 1, max: TICKETS }),
  list: fc.constantFrom(...LISTS),
  minute: fc.nat(59),
});

/** `deleted`: after so many steps list 3 is deleted. */
function eventsOf(steps: readonly Step[], deleted: number): Envelope[] {
  const events: Envelope[] = [];
  const revisions = new Map<string, number>();
  function record(stream: string, event: AdmissionEvent): void {
    const revision = revisions.get(stream) ?? 0;
    revisions.set(stream, revision + 1);
    const about = { id: randomUUID(), time: '2027-07-01T10:00:00Z', actor: 'test:1', trace: null };
    events.push({ ...admission.write(event), ...about, stream, revision });
  }
  for (const [i, { kind, ticket, list, minute }] of steps.entries()) {
    if (i === deleted) {
      const data = { organizer: 'demo', event: 'openair', id: 3 };
      record('checkinlist-3', { type: 'CheckinListDeleted', data });
    }
    const datetime = `2027-07-01T10:${String(minute).padStart(2, '0')}:00Z`;
    const about = { organizer: 'demo', event: 'openair', item: 3, variation: null, date: null, position: ticket, list };
    const scan = { forced: false, auto: kind === 1, datetime, nonce: `${i}`, nonce_present: true };
    const said: Record<number, AdmissionEvent> = {
      3: { type: 'PositionRedeemed', data: { ...about, ...scan, first: false, forced: true } },
      4: { type: 'PositionExited', data: { ...about, ...scan } },
      5: { type: 'RedemptionUndone', data: { ...about, reason: '' } },
      6: {
        type: 'CheckinImported',
        data: {
          ...about,
          kind: i % 2 ? 'entry' : 'exit',
          auto: false,
          forced: false,
          datetime,
          nonce: null,
          row: `${i}`,
        },
      },
    };
    record(ticketStream(ticket), said[kind] ?? { type: 'PositionRedeemed', data: { ...about, ...scan, first: true } });
  }
  return events;
}

/** An order of two thirds of the tickets: the others are unknown here. Every seventh is canceled. */
function order(): Envelope {
  const position = {
    ...{ positionid: 1, item: 3, variation: null, subevent: null, price: '10.00', tax_rate: '0.00', tax_value: '0.00' },
    ...{ tax_rule: null, attendee_name: null, attendee_name_parts: {}, attendee_email: null, voucher: null },
    ...{ addon_to: null, seat: null, answers: [], checkins: [], pseudonymization_id: 'P' },
  };
  const ids = Array.from({ length: TICKETS }, (_none, i) => i + 1).filter((id) => id % 3 !== 0);
  const data: OrderFact = {
    ...{ import: 1, hash: '1', organizer: 'demo', event: 'openair', code: 'SHOP', testmode: false },
    ...{ status: 'p', email: null, datetime: '2027-05-01T10:00:00Z' },
    ...{ sales_channel: 'web', locale: 'en', require_approval: false, checkin_attention: false, invoice_address: null },
    positions: ids.map((id) => ({ ...position, id, secret: `secret${id}`, canceled: id % 7 === 0 })),
  };
  const stated = { type: 'OrderStated', data } as const;
  const about = { id: randomUUID(), time: '2027-06-20T10:00:00Z', actor: 'test:1', trace: null, revision: 0 };
  return { ...reference.write(stated), ...about, stream: referenceStream(stated) };
}

/** The tables after deliveries of so many events, before or after the order. */
async function tablesAfter(events: readonly Envelope[], atOnce: number, isOrderFirst: boolean): Promise<unknown> {
  await pool.query(`truncate ${ticketsModel.tables.map(({ name }) => name).join()}`);
  const state = () => inTransaction(pool, (tx) => ticketsModel.handles.reference!(tx, [order()]));
  if (isOrderFirst) await state();
  for (let at = 0; at < events.length; at += atOnce) {
    const delivered = events.slice(at, at + atOnce);
    await inTransaction(pool, (tx) => ticketsModel.handles.admission!(tx, delivered));
  }
  if (!isOrderFirst) await state();
  const all: Record<string, unknown[]> = {};
  for (const { name, key, columns } of ticketsModel.tables) {
    all[name] = (await pool.query(`select ${columns === '*' ? 'r.*' : columns} from ${name} r order by ${key}`)).rows;
  }
  return all;
}

test('large deliveries write what small ones write, whenever the tickets themselves become known', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 400, maxLength: 800, size: 'max' }),
      fc.nat(1_000),
      fc.boolean(),
      async (steps, deleted, isOrderFirst) => {
        const events = eventsOf(steps, deleted);
        const expected = await tablesAfter(events, 40, true);
        expect(await tablesAfter(events, 1_000, isOrderFirst)).toEqual(expected);
        expect(await tablesAfter(events, 300, !isOrderFirst)).toEqual(expected);
      },
    ),
    // Each run is long: shrinking a failure would take minutes.
    { numRuns: 6, endOnFailure: true },
  );
});
