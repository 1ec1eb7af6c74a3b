import type { Admission } from '@gatehouse/admission/admission';
import type { ListRow } from '@gatehouse/admission/lists';
import { permittedBy } from '@gatehouse/admission/rules';
import type { Scanned, Scanner } from '@gatehouse/admission/scan';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { readAnswers } from '@gatehouse/domain/answers';
import type { Scan } from '@gatehouse/domain/redeem';
import { RejectedEvent } from '@gatehouse/eventing/event-store';
import { fieldError } from '@gatehouse/service/errors';
import { chooseLanguage } from '@gatehouse/service/language';
import type { Festival } from '@gatehouse/shop/festival';
import { checkinQuestions } from '@gatehouse/shop/questions';
import { uploadOf } from './upload';

/** What a request says about a scan; `answers` by question id, unread. */
export type Asked = Pick<
  Scan,
  'kind' | 'datetime' | 'force' | 'ignoreUnpaid' | 'nonce' | 'questionsSupported' | 'canceledSupported'
> & {
  readonly isUpload: boolean;
  readonly answers: Readonly<Record<string, unknown>>;
  readonly acceptLanguage: string | undefined;
};

/** Decides and records a scan of a ticket by a list. Throws 400 for answers that are too large for history. */
export async function decide(
  { gate }: Pick<Admission, 'gate'>,
  { festival, list, ticket }: { festival: Festival; list: ListRow; ticket: Ticket },
  asked: Asked,
  by: Scanner,
): Promise<Scanned> {
  const { fact } = festival;
  const language = chooseLanguage(asked.acceptLanguage, fact.locales, fact.locale);
  const questions = checkinQuestions(festival, ticket.item, language);
  const permitted = permittedBy(list.fields, { festival, ticket, datetime: asked.datetime });
  const scan: Scan = {
    ...asked,
    questions,
    given: readAnswers(questions, asked.answers, { timeZone: fact.timezone, language }),
    restrictedTo: null,
    ...(permitted ? { permitted } : {}),
  };
  return gate.admit(ticket, { list: list.fields, scan }, scannerOf(by, { list, ticket, asked })).catch(rejected);
}

/** The scanner, and for a scan of its queue with a name of its own: it is recorded once (upload.ts). */
export function scannerOf(
  by: Scanner,
  { list, ticket, asked }: { list: ListRow; ticket: Ticket | null; asked: Pick<Asked, 'isUpload' | 'nonce'> },
): Scanner {
  if (!asked.isUpload || asked.nonce === null) return by;
  return { ...by, upload: uploadOf(list.id, ticket?.id ?? null, asked.nonce) };
}

/** Answers that are too large for history are the client's error. */
function rejected(error: unknown): never {
  throw error instanceof RejectedEvent ? fieldError('answers', 'The answers are too large.') : error;
}
