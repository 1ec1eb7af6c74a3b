import type { SeveralLists } from '@gatehouse/admission/several-lists';
import type { ListRow } from '@gatehouse/admission/lists';
import { covers, type Principal } from '@gatehouse/service/auth';
import type { Body } from '@gatehouse/service/body';
import {
  boolean,
  char,
  choice,
  datetime,
  nullable,
  pks,
  rawValue,
  validate,
  withDefault,
} from '@gatehouse/service/drf';
import { ApiError } from '@gatehouse/service/errors';
import { MAY_REDEEM } from './redeem-routes';
import { readRawAnswers } from './redeem-body';

/* The bodies of the routes for several lists at once (contract §10, 4.12 and later). */

/** Of `source_type`: how the secret was read. It may be on any medium. */
const SOURCES = ['barcode', 'nfc_uid', 'nfc_mf0aes'] as const;
const MAX_NONCE = 190;

const REDEEM = {
  secret: char(),
  source_type: withDefault(choice(...SOURCES), 'barcode'),
  type: withDefault(choice('entry', 'exit'), 'entry'),
  force: withDefault(boolean(), false),
  ignore_unpaid: withDefault(boolean(), false),
  questions_supported: withDefault(boolean(), true),
  /** An empty one is none, as by the routes of one list: it must not make two scans one. */
  nonce: withDefault(nullable(char({ max: MAX_NONCE, blank: true })), null),
  datetime: withDefault(nullable(datetime()), null),
};

const ANNUL = {
  nonce: char({ max: MAX_NONCE }),
  datetime: withDefault(nullable(datetime()), null),
  error_explanation: withDefault(nullable(char({ blank: true })), null),
};

/** Whether somebody may scan by a list. */
export const mayScanBy =
  (principal: Principal) =>
  ({ fields: { organizer, event } }: ListRow): boolean =>
    covers(principal, MAY_REDEEM, { organizer, event });

/** Reads a redeem body; lists that `may` refuses do not exist. Throws 400. */
export async function readRedeem(body: Body, lists: SeveralLists['known'], may: (list: ListRow) => boolean) {
  const fields = await validate(body, { lists: listsField(lists, may), ...REDEEM });
  return {
    ...fields,
    lists: ofDifferentEvents(fields.lists),
    nonce: fields.nonce === '' ? null : fields.nonce,
    /** By question id. */
    answers: readRawAnswers(rawValue(body, 'answers')),
    /** Whether a device uploads it from its queue, if a device it is. */
    isQueued: fields.force && fields.datetime !== null,
  };
}

/** Reads the body of an annulment. Throws 400. */
export async function readAnnul(body: Body, lists: SeveralLists['known'], may: (list: ListRow) => boolean) {
  const fields = await validate(body, { lists: listsField(lists, may), ...ANNUL });
  return { ...fields, lists: ofDifferentEvents(fields.lists) };
}

export type RedeemFields = Awaited<ReturnType<typeof readRedeem>>;

const listsField = (known: SeveralLists['known'], may: (list: ListRow) => boolean) =>
  pks<ListRow>(async (ids) => {
    const all = await known(ids.filter(isListId));
    return new Map([...all].filter(([, list]) => may(list)));
  });

/** What a column holds; no list has another id. */
const isListId = (id: number): boolean => id > 0 && id < 2 ** 31;

/** The lists, each once. Throws 400 when there is none, and when two are of one event. */
export function ofDifferentEvents(sent: readonly ListRow[]): ListRow[] {
  const lists = [...new Map(sent.map((list) => [list.id, list])).values()];
  if (lists.length === 0) throw new ApiError(400, ['No check-in list passed.']);
  const events = new Set(lists.map(({ fields }) => `${fields.organizer}/${fields.event}`));
  if (events.size < lists.length) {
    throw new ApiError(400, ['Selecting two check-in lists from the same event is unsupported.']);
  }
  return lists;
}
