import { z } from 'zod';
import { catalog, event, type EventOf } from './define';
import { Answer } from './reference';

/* Reservations (design §3). Texts in `describe` are published with the schemas (asyncapi.yaml). */

/** The stream of an event's reservations: one for all its dates, because a voucher counts over all of them. */
export const inventoryStream = (organizer: string, event: string): string => `inventory-${organizer}/${event}`;

const id = z.int();
const instant = z.string();
const datetime = instant.describe('When it was decided: UTC, ending in Z, with six decimals of a second or none.');
const expires = instant.describe('The reservation counts up to and including this instant, and not afterwards.');

const where = { organizer: z.string(), event: z.string() };
const product = {
  item: id.describe('The product.'),
  variation: id.nullable(),
  date: id.nullable().describe('The date of an event series.'),
};

/** The fields of every event about a cart position. `cart_id` is private: clients choose it, and may put anything into it. */
const cart = {
  ...where,
  id: id.describe('The cart position.'),
  cart_id: z.string().describe('The cart that the position is part of.'),
  ...product,
  voucher: id.nullable(),
  seat: z.string().nullable().describe('The seat within the seating plan (its guid).'),
  expires,
};

const quotas = z
  .array(z.object({ quota: id, left: z.int().nullable().describe('null: the quota is unlimited.') }))
  .describe('How many places each quota of the product had left after this.');

const coveredUntil = instant
  .nullable()
  .describe(
    'Up to and including this instant the voucher blocks the place itself, so that the cart does not count besides it.',
  );

const factsRevision = z
  .int()
  .describe('How new the vouchers of the shop were that this was decided on: it grows with each change of them.');

/** A place was reserved (contract §8.4). It needs no event to expire: it counts while `expires` is not past. */
export const CartReserved = event(
  'CartReserved',
  z.object({
    ...cart,
    price: z.string().describe('As the client sent it; two decimals.'),
    includes_tax: z.boolean(),
    datetime,
    quotas,
    covered_until: coveredUntil,
    facts_revision: factsRevision,
    /** Identifies the request and the place in its list, so that a repeat is recognised; null: not possible. */
    request: z.string().nullable(),
    attendee_name_parts: z.record(z.string(), z.unknown()),
    attendee_email: z.string().nullable(),
    answers: z.array(Answer),
  }),
  { privateFields: ['cart_id', 'request', 'attendee_name_parts', 'attendee_email', 'answers'] },
);

/** A reservation was deleted by a client: one of Gatehouse's own, or one of the shop. */
export const CartReleased = event(
  'CartReleased',
  z.object({
    ...cart,
    imported: z.boolean().describe('The shop made the reservation; its later statements do not bring it back.'),
    datetime,
  }),
  { privateFields: ['cart_id'] },
);

/** A reservation has expired. It stopped counting at `expires`; this event informs analysts. */
export const CartExpired = event('CartExpired', z.object(cart), { privateFields: ['cart_id'] });

/** A quota that closes when sold out was found sold out (contract §2.7). It stays closed until the shop states it again. */
export const QuotaClosed = event(
  'QuotaClosed',
  z.object({
    ...where,
    quota: id,
    quota_revision: z.int().describe("The revision of the quota's fact; only a newer one can open the quota again."),
    datetime,
  }),
);

/**
 * The shop has changed whether or how long vouchers block places that carts of this event use. `vouchers` may be empty: then many have changed
 * that no cart uses.
 */
export const VoucherTermsChanged = event(
  'VoucherTermsChanged',
  z.object({
    ...where,
    vouchers: z.array(z.object({ voucher: id, blocks: z.boolean(), valid_until: instant.nullable() })),
    facts_revision: factsRevision,
  }),
);

const batch = {
  ...where,
  batch: z.string().describe('The batch of offline tickets.'),
  ...product,
  amount: z.int(),
};

/** Places were taken for a batch of offline tickets, all of them at once. */
export const PlacesTaken = event('PlacesTaken', z.object({ ...batch, datetime, quotas }));

/** There were not enough places for a batch: it took none, and never will. */
export const PlacesRefused = event(
  'PlacesRefused',
  z.object({
    ...batch,
    reason: z.string().meta({
      description: 'The first check that failed.',
      examples: ['no_quota', 'quota_exhausted'],
    }),
    quota: id.nullable().describe('The quota that had too little left, when that is the reason.'),
    message: z.string().describe('The reason for people, in English.'),
    datetime,
  }),
);

/** A batch was not made: its places are free again. */
export const PlacesReturned = event('PlacesReturned', z.object(batch));

/** A refused reservation. It changes no state and is stored in the stream of the process that refused it. */
export const ReservationRefused = event(
  'ReservationRefused',
  z.object({
    ...where,
    ...product,
    reason: z.string().meta({
      description: 'The first check that failed.',
      examples: ['no_quota', 'quota_exhausted', 'seat_taken', 'voucher_used_up'],
    }),
    quota: id.nullable().describe('The quota that had nothing left, when that is the reason.'),
    voucher: id.nullable(),
    seat: z.string().nullable(),
    datetime,
  }),
  { subject: ({ organizer, event: slug }) => inventoryStream(organizer, slug) },
);

export const inventory = catalog([
  CartReserved,
  CartReleased,
  CartExpired,
  QuotaClosed,
  VoucherTermsChanged,
  PlacesTaken,
  PlacesRefused,
  PlacesReturned,
  ReservationRefused,
]);

export type CartReserved = EventOf<typeof CartReserved>;
export type CartReleased = EventOf<typeof CartReleased>;
export type CartExpired = EventOf<typeof CartExpired>;
export type QuotaClosed = EventOf<typeof QuotaClosed>;
export type VoucherTermsChanged = EventOf<typeof VoucherTermsChanged>;
export type PlacesTaken = EventOf<typeof PlacesTaken>;
export type PlacesRefused = EventOf<typeof PlacesRefused>;
export type PlacesReturned = EventOf<typeof PlacesReturned>;
export type ReservationRefused = EventOf<typeof ReservationRefused>;

/** The events of an event's stream `inventory-<organizer>/<event>`. */
export const inventoryEvents = inventory.only(
  CartReserved,
  CartReleased,
  CartExpired,
  QuotaClosed,
  VoucherTermsChanged,
  PlacesTaken,
  PlacesRefused,
  PlacesReturned,
);
export type InventoryEvent =
  | CartReserved
  | CartReleased
  | CartExpired
  | QuotaClosed
  | VoucherTermsChanged
  | PlacesTaken
  | PlacesRefused
  | PlacesReturned;
