import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/admission/catalog';
import { findList, type ListRow } from '@gatehouse/admission/lists';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { notFound, permissionDenied } from '@gatehouse/service/errors';

/** Where the slice lives. */
export const EVENT_PATH = 'organizers/:organizer/events/:event/';

/** The event that a request is about; the transport layer has let it pass, so it exists. */
export function festivalOf(request: ApiRequest, { catalog }: Admission): Festival {
  const festival = catalog.festival(request.param('organizer'), request.param('event'));
  if (!festival) throw permissionDenied();
  return festival;
}

const GREATEST_ID = 2_147_483_647;

/** An id that a column can hold; null for any other text. */
export function idIn(text: string): number | null {
  if (!/^\d{1,10}$/.test(text)) return null;
  const id = Number(text);
  return id <= GREATEST_ID ? id : null;
}

/** The check-in list that a request names. Throws 404 for an unknown one, one of another event, or no number. */
export async function listOf(request: ApiRequest, admission: Admission, festival: Festival): Promise<ListRow> {
  const id = idIn(request.param('list'));
  const list = id === null ? undefined : await findList(admission.pool, festival.key, id);
  if (!list) throw notFound();
  return list;
}
