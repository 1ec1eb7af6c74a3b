import { joinName } from '@gatehouse/domain/names';
import type { CartRow } from '@gatehouse/inventory/carts/find';
import type { Festival } from '@gatehouse/shop/festival';

/** The cart position of contract §8.1, its keys in their order. */
export function cartResource(cart: CartRow, { fact }: Festival): Record<string, unknown> {
  const { seat } = cart;
  return {
    id: cart.id,
    cart_id: cart.cart_id,
    item: cart.item,
    variation: cart.variation,
    price: cart.price,
    attendee_name: joinName(cart.attendee_name_parts, fact.name_scheme),
    attendee_name_parts: cart.attendee_name_parts,
    attendee_email: cart.attendee_email,
    voucher: cart.voucher,
    addon_to: cart.addon_to,
    subevent: cart.date,
    datetime: cart.datetime,
    expires: cart.expires,
    includes_tax: cart.includes_tax,
    answers: cart.answers,
    seat: seat && { id: seat.id, name: seat.name, seat_guid: seat.guid },
  };
}
