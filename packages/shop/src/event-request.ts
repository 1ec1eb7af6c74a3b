import type { ApiRequest } from '@gatehouse/service/api-request';
import { permissionDenied } from '@gatehouse/service/errors';
import type { Catalog } from './catalog';
import type { Festival } from './festival';

/** The path below which everything about one event lives. */
export const EVENT_PATH = 'organizers/:organizer/events/:event/';

/** The event that a request is about. The transport layer has checked that it exists; if it is gone since, throws 403. */
export function festivalOf(request: ApiRequest, { catalog }: { readonly catalog: Catalog }): Festival {
  const festival = catalog.festival(request.param('organizer'), request.param('event'));
  if (!festival) throw permissionDenied();
  return festival;
}
