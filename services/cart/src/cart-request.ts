import type { AnswerFact, ItemFact } from '@gatehouse/events/reference';
import { isNameScheme } from '@gatehouse/domain/names';
import type { Wanted } from '@gatehouse/inventory/reservations';
import {
  boolean,
  char,
  checked,
  datetime,
  decimal,
  email,
  jsonObject,
  nullable,
  optional,
  pk,
  readObject,
  withDefault,
  type Values,
} from '@gatehouse/service/drf';
import type { ErrorTree } from '@gatehouse/service/errors';
import { Invalid } from '@gatehouse/service/invalid';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { Festival } from '@gatehouse/shop/festival';
import { itemName } from '@gatehouse/shop/product-names';
import { answersField, type AnswerPlace } from './answers';

/**
 * Reads what a client wants reserved, a form or a JSON value; Invalid has the errors as the API shows them (contract §8.3). Everything is
 * looked up in memory but uploaded files. Make one per request.
 */
export type CartReader = (input: unknown) => Promise<Wanted | Invalid>;

export function cartReader(place: AnswerPlace): CartReader {
  const shape = { ...shapeOf(place), answers: withDefault(answersField(place), []) };
  return async (input) => {
    const sent = await readObject(input, shape);
    if (sent instanceof Invalid) return sent;
    const broken = brokenRule(sent);
    if (broken) return new Invalid(broken);
    const wanted = wantedOf(sent, sent.answers, place);
    return JSON.stringify(wanted).length > MAX_LENGTH ? TOO_LARGE : wanted;
  };
}

/** In characters of JSON: far more than any cart position has, and so little that many fit in one append. */
const MAX_LENGTH = 65_536;
const TOO_LARGE = new Invalid({ non_field_errors: ['The cart position is too large.'] });

type Shape = ReturnType<typeof fieldsOf>;
type Sent = Values<Shape>;

/** Fields say nothing of a request but who speaks which language and has which files, so they are made once for an event. */
const shapes = new WeakMap<Festival, Shape>();

function shapeOf({ festival, catalog }: AnswerPlace): Shape {
  const known = shapes.get(festival) ?? fieldsOf(festival, catalog);
  shapes.set(festival, known);
  return known;
}

function fieldsOf({ fact, items, dates }: Festival, catalog: Catalog) {
  const { organizer, event } = fact;
  /** What another organizer has does not exist here. */
  const ours = <T extends { readonly organizer: string }>(of: T | undefined) =>
    of?.organizer === organizer ? of : undefined;
  return {
    cart_id: optional(
      checked(nullable(char({ max: 255, blank: true })), (id) =>
        !id || id.endsWith('@api') ? undefined : 'Cart ID should end in @api or be empty.',
      ),
    ),
    item: checked(
      pk((id) => items.get(id) ?? ours(catalog.item(id))),
      (item) => {
        if (item.event !== event) return 'The specified item does not belong to this event.';
        return item.active ? undefined : 'The specified item is not active.';
      },
    ),
    variation: optional(
      nullable(
        pk((id) => {
          const item = ours(catalog.itemOfVariation(id));
          return item && { id, item: item.id };
        }),
      ),
    ),
    price: decimal({ digits: 10, places: 2 }),
    attendee_name: optional(nullable(char())),
    attendee_name_parts: checked(withDefault(jsonObject(), {}), ({ _scheme: scheme }) =>
      !scheme || isNameScheme(scheme) ? undefined : 'The name scheme is not known.',
    ),
    attendee_email: optional(nullable(email({ blank: true }))),
    expires: optional(datetime()),
    includes_tax: withDefault(nullable(boolean()), true),
    seat: optional(nullable(char())),
    voucher: optional(nullable(char())),
    sales_channel: optional(char()),
    subevent: optional(
      checked(
        nullable(
          pk((id) => {
            const date = dates.get(id) ?? ours(catalog.dateOwner(id));
            return date && { id, event: date.event };
          }),
        ),
        (date) => {
          if (!fact.has_subevents) return date ? 'You cannot set a subevent for this event.' : undefined;
          if (!date) return 'You need to set a subevent.';
          return date.event === event ? undefined : 'The specified subevent does not belong to this event.';
        },
      ),
    ),
  };
}

/** The first rule about the position as a whole that is broken. */
function brokenRule({ item, variation, attendee_name, attendee_name_parts }: Sent): ErrorTree | undefined {
  const wrong = variationError(item, variation ?? null);
  if (wrong !== undefined) return { non_field_errors: [wrong] };
  if (!attendee_name || Object.keys(attendee_name_parts).length === 0) return undefined;
  return { attendee_name: ['Do not specify attendee_name if you specified attendee_name_parts.'] };
}

function variationError(item: ItemFact, variation: { readonly item: number } | null): string | undefined {
  if (item.variations.length === 0) {
    return variation ? 'You cannot specify a variation for this item.' : undefined;
  }
  if (!variation) return 'You should specify a variation for this item.';
  return variation.item === item.id ? undefined : 'The specified variation does not belong to the specified item.';
}

function wantedOf(sent: Sent, answers: readonly AnswerFact[], { festival, language }: AnswerPlace): Wanted {
  return {
    cart_id: sent.cart_id || null,
    item: sent.item.id,
    variation: sent.variation?.id ?? null,
    date: sent.subevent?.id ?? null,
    price: sent.price,
    includes_tax: sent.includes_tax ?? false,
    seat: sent.seat ?? null,
    voucher: sent.voucher ?? null,
    sales_channel: sent.sales_channel ?? null,
    expires: sent.expires ?? null,
    attendee_name_parts: sent.attendee_name ? { _legacy: sent.attendee_name } : sent.attendee_name_parts,
    attendee_email: sent.attendee_email ?? null,
    answers: [...answers],
    productName: itemName(festival, sent.item.id, language),
  };
}
