import type { By } from '@gatehouse/sales/request';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { idIn } from '@gatehouse/service/path';
import type { Festival } from '@gatehouse/shop/festival';

/** Who may use batches (contract §1.3). */
export const ACCESS = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;

/** The event as the context names it. */
export const whereOf = ({ fact: { organizer, event } }: Festival) => ({ organizer, event });

/** Who asks, and under which idempotency key. */
export const byOf = ({ principal, trace, idempotency }: ApiRequest): By => ({
  actor: principal.actor,
  trace,
  ...(idempotency ? { request: idempotency.namespace, again: idempotency.again } : {}),
});

/** A batch's id in the path; undefined for what can be none. */
export const batchIn = (request: ApiRequest): number | undefined => idIn(request.param('batch')) ?? undefined;

/** A UUID in the path; undefined for any other text. */
export function uuidIn(request: ApiRequest, name: string): string | undefined {
  const text = request.param(name).toLowerCase();
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text) ? text : undefined;
}

/** The absolute URL of an event's batches, below which all links are. It ends in a slash. */
export function batchesUrl(request: ApiRequest): string {
  const [organizer, event] = ['organizer', 'event'].map((name) => encodeURIComponent(request.param(name)));
  return `${request.baseUrl}/api/v1/organizers/${organizer}/events/${event}/offlinesalesbatches/`;
}
