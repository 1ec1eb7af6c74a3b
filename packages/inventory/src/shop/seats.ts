import type { Envelope } from '@gatehouse/events/envelope';
import { reference, type SeatFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';

/** Takes over seats. Who holds them is known from positions, carts and vouchers. */
export async function takeSeats(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const newest = new Map<number, { revision: number }>();
  for (const stored of events) {
    const fact = reference.read(stored);
    if (fact?.type !== 'SeatStated' || stored.revision < (newest.get(fact.data.id)?.revision ?? 0)) continue;
    const { organizer, event, id, subevent, seat_guid: guid, row_name: row, blocked, x, y } = fact.data;
    const where = { event: `${organizer}/${event}`, date: subevent ?? 0 };
    const shown = { guid, name: seatName(fact.data), row, blocked, x, y };
    const seat = { id, revision: stored.revision, ...where, ...shown };
    newest.set(id, seat);
  }
  if (newest.size === 0) return;
  await tx.query({
    name: 'shop_write_seats',
    text: `insert into seats (id, revision, event, date, guid, name, "row", blocked, x, y)
           select id, revision, event, date, guid, name, "row", blocked, x, y from json_populate_recordset(null::seats, $1)
           on conflict (id) do update
             set revision = excluded.revision, event = excluded.event, date = excluded.date, guid = excluded.guid,
               name = excluded.name, "row" = excluded."row", blocked = excluded.blocked, x = excluded.x, y = excluded.y
             where seats.revision < excluded.revision`,
    values: [JSON.stringify([...newest.values()])],
  });
}

type Named = Pick<SeatFact, 'zone_name' | 'row_label' | 'row_name' | 'seat_label' | 'seat_number' | 'seat_guid'>;

/** What a seat is called: zone, row and seat as far as they have names, or else its guid (contract §2.8). */
export function seatName({ zone_name: zone, seat_guid: guid, ...seat }: Named): string {
  const row = seat.row_label || (seat.row_name && `Row ${seat.row_name}`);
  const number = seat.seat_label || (seat.seat_number && `Seat ${seat.seat_number}`);
  return [zone, row, number].filter(Boolean).join(', ') || guid;
}
