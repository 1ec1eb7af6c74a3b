import { createHash, timingSafeEqual } from 'node:crypto';
import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import type { Credential } from '@gatehouse/shop/credentials';
import { findList, type ListRow } from '@gatehouse/admission/lists';
import type { DroidKeyFact } from '@gatehouse/events/reference';
import { idIn } from '@gatehouse/service/path';
import { ROUTE_NOT_FOUND } from '@gatehouse/service/reply';
import { plainText, Refusal } from './text';

/*
 * Authentication and access in the order of contract §3.1: the event has been found before, then come key and date, and
 * afterwards the method.
 */

/** What a request with a valid key may read and do: tickets of one list, and of one date if the event is a series. */
export type DroidAccess = {
  readonly festival: Festival;
  readonly key: DroidKeyFact;
  readonly list: ListRow;
  /** The date of redeem and status; null outside of a series. */
  readonly date: number | null;
};

/** The event, the date in the path, and the SHA-256 (hex) of the key in a request. */
export type DroidRequest = { readonly festival: Festival; readonly date: string | null; readonly keyHash: string };

/** SHA-256 in hex, as credentials are stored. */
export const hashOf = (key: string): string => createHash('sha256').update(key).digest('hex');

const unknownKey = () => new Refusal(plainText(403, 'Invalid key'));

/** The access of the request's key. Throws the Refusal of contract §3.1, or StoreUnavailable. */
export async function authenticate(admission: Admission, request: DroidRequest): Promise<DroidAccess> {
  const credential = await admission.credential('droidkey', request.keyHash);
  const key = keyOf(credential, request);
  return accessOf(await findList(admission.pool, request.festival.key, key.list), key, request);
}

/** The credential's droid key. Throws 403 when it is no active key of this event. */
export function keyOf(credential: Credential | null | undefined, { festival, keyHash }: DroidRequest): DroidKeyFact {
  if (credential?.kind !== 'droidkey') throw unknownKey();
  const { fact } = credential;
  const own = festival.fact;
  const same = timingSafeEqual(Buffer.from(fact.key_hash), Buffer.from(keyHash));
  if (!same || !fact.active || fact.organizer !== own.organizer || fact.event !== own.event) throw unknownKey();
  return fact;
}

/** The access of a valid key. Throws 403 when its list is gone or the date in the path does not fit the list. */
export function accessOf(
  list: ListRow | undefined,
  key: DroidKeyFact,
  { festival, date: named }: DroidRequest,
): DroidAccess {
  if (!list) throw unknownKey();
  return { festival, key, list, date: dateOf(festival, list, named) };
}

/** The date in the path as an id; 0, which no date has, for digits that are no valid id. */
export const dateNamed = (date: string | null): number | null => (date === null ? null : (idIn(date) ?? 0));

/** The rules about dates of contract §3.1's table. */
function dateOf({ fact, dates }: Festival, { fields }: ListRow, named: string | null): number | null {
  if (!fact.has_subevents) {
    if (named !== null) throw new Refusal(plainText(403, 'Subevents not enabled.'));
    return null;
  }
  const date = dateNamed(named);
  if (fields.subevent !== null) {
    if (date !== null && date !== fields.subevent) throw new Refusal(plainText(403, 'Invalid subevent selected.'));
    return fields.subevent;
  }
  if (date === null) throw new Refusal(plainText(403, 'No subevent selected.'));
  if (!dates.has(date)) throw new Refusal(ROUTE_NOT_FOUND);
  return date;
}

/** The items whose tickets may be shown: those of the list that the key permits; null: all. */
export function shownItems({ key, list: { fields } }: DroidAccess): readonly number[] | null {
  if (fields.all_products) return key.all_items ? null : key.items;
  return key.all_items ? fields.limit_products : fields.limit_products.filter((item) => key.items.includes(item));
}
