import { z } from 'zod';
import type { EventScope } from './known';
import { json } from './limits';
import {
  Amount,
  Coordinate,
  Flag,
  FlagOn,
  Id,
  Label,
  MaybeId,
  MaybeName,
  Moment,
  nameParts,
  or,
  Parts,
  reader,
  SeatGuid,
  SharedId,
  type Stated,
} from './raw';
import { checkDate, checkProduct } from './references';

/* Seats and the places held by carts, in the format of pretix's API. */

const Seat = z.object({
  id: Id,
  subevent: MaybeId,
  seat_guid: Label,
  zone_name: MaybeName,
  row_name: MaybeName,
  row_label: MaybeName,
  seat_number: MaybeName,
  seat_label: MaybeName,
  product: MaybeId,
  blocked: Flag,
  x: or(Coordinate, null),
  y: or(Coordinate, null),
  sorting_rank: or(z.int32(), null),
});

/** A seat of `seats.json`. Its position comes from the export or, if missing there, from the plan of its date or event. */
export const readSeat = reader(Seat, (raw, scope: EventScope, findings): Stated<'SeatStated'> => {
  const { known, plans } = scope;
  checkDate(scope.known, raw.subevent, findings.issue);
  if (raw.product !== null && !known.items.has(raw.product)) {
    findings.issue('product', `${raw.product} is no product of this event`);
  }
  const plan = raw.subevent === null ? known.seatingPlan : (known.dates.get(raw.subevent) ?? known.seatingPlan);
  const spot = plan === null ? undefined : plans.get(plan)?.get(raw.seat_guid);
  return {
    organizer: scope.organizer,
    event: scope.event,
    ...raw,
    x: raw.x ?? spot?.x ?? null,
    y: raw.y ?? spot?.y ?? null,
    sorting_rank: raw.sorting_rank ?? spot?.rank ?? null,
  };
});

const CartPosition = z.object({
  id: SharedId,
  cart_id: Label,
  item: Id,
  variation: MaybeId,
  price: Amount,
  attendee_name: MaybeName,
  attendee_name_parts: Parts,
  attendee_email: MaybeName,
  voucher: MaybeId,
  addon_to: MaybeId,
  subevent: MaybeId,
  datetime: Moment,
  expires: Moment,
  includes_tax: FlagOn,
  answers: or(z.array(json()), []),
  seat: or(SeatGuid, null),
});

/** A position of `cartpositions.json`; product and date must exist. */
export const readCartPosition = reader(
  CartPosition,
  (raw, scope: EventScope, findings): Stated<'CartPositionStated'> => {
    checkProduct(scope.known, raw.item, raw.variation, findings.issue);
    checkDate(scope.known, raw.subevent, findings.issue);
    const { attendee_name: name, ...position } = raw;
    return {
      organizer: scope.organizer,
      event: scope.event,
      ...position,
      attendee_name_parts: nameParts(position.attendee_name_parts, name),
    };
  },
);
