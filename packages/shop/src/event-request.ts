import type { ApiRequest } from '@gatehouse/service/api-request';
import { permissionDenied } from '@gatehouse/service/errors';
import type { Catalog } from './catalog';
import type { Festival } from './festival';

/** Base path of everything about one event. */
export const EVENT_PATH = 'organizers/:organizer/events/:event/';

/** The event of a request. The transport layer has checked that it exists; throws 403 if it was removed since. */
export function festivalOf(request: ApiRequest, { catalog }: { readonly catalog: Catalog }): Festival {
  const festival = catalog.festival(request.param('organizer'), request.param('event'));
  if (!festival) throw permissionDenied();
  return festival;
}
