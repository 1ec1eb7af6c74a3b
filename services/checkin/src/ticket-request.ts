import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import { findList, type ListRow } from '@gatehouse/admission/lists';
import type { Code } from '@gatehouse/admission/scanned-code';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { notFound } from '@gatehouse/service/errors';
import { idIn } from '@gatehouse/service/path';
import type { Query } from '@gatehouse/service/query';

/** The ticket in a path: an id, which takes precedence, or a secret. */
export type TicketName = Required<Code> & { readonly id: number | null };

const OFF = new Set(['', '0', 'false']);

/** With `untrusted_input` the text was scanned, and a scanned number is never an id, since anybody can print one. */
export function ticketNamed(text: string, sent: string, query: Query): TicketName {
  // Not with `get`, which throws for a NUL: this runs before authentication.
  const untrusted = query.text === '' ? undefined : query.fields.get('untrusted_input');
  return { text, sent, id: OFF.has((untrusted ?? '').toLowerCase()) ? idIn(text) : null };
}

/** The check-in list of a request. Throws 404 for an unknown one, one of another event, or no number. */
export async function listOf(request: ApiRequest, admission: Admission, festival: Festival): Promise<ListRow> {
  const id = idIn(request.param('list'));
  const list = id === null ? undefined : await findList(admission.pool, festival.key, id);
  if (!list) throw notFound();
  return list;
}
