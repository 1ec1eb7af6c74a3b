import type { InventoryContext } from '@gatehouse/inventory/inventory';
import type { By } from '@gatehouse/inventory/asker';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { chooseLanguage } from '@gatehouse/service/language';
import { festivalOf } from '@gatehouse/shop/event-request';
import type { Festival } from '@gatehouse/shop/festival';
import { cartReader, type CartReader } from './cart-request';
import { ownerOf } from './upload';

/** Who may use cart positions and quotas (contract §1.3). */
export const ACCESS = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;

/** The event as reservations name it. */
export const whereOf = ({ fact: { organizer, event } }: Festival) => ({ organizer, event });

/** Who asks, and under which idempotency key. */
export const byOf = ({ principal, trace, idempotency }: ApiRequest): By => ({
  actor: principal.actor,
  trace,
  ...(idempotency ? { request: idempotency.namespace, again: idempotency.again } : {}),
});

/** What a request that reserves is about, and how what it wants is read: in its language, with the files of whoever asks. */
export function askerOf(
  request: ApiRequest,
  inventory: InventoryContext,
): { readonly festival: Festival; readonly read: CartReader } {
  const { catalog, uploads } = inventory;
  const festival = festivalOf(request, inventory);
  const { locales, locale } = festival.fact;
  const language = chooseLanguage(request.header('accept-language'), locales, locale);
  const owner = ownerOf(request.principal);
  return {
    festival,
    read: cartReader({ catalog, festival, language, upload: (id) => uploads.find(owner, id) }),
  };
}
