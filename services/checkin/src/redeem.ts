import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import type { TicketFinder } from '@gatehouse/admission/tickets/find';
import type { ListRow } from '@gatehouse/admission/lists';
import type { Found, Ticket } from '@gatehouse/admission/tickets/lookup';
import { allDatesOf } from '@gatehouse/admission/tickets/query';
import { requiresAttention } from '@gatehouse/admission/products';
import { permittedBy } from '@gatehouse/admission/rules';
import { checkinQuestions, sortedOptions } from '@gatehouse/shop/questions';
import { scanLookup } from '@gatehouse/admission/scan-lookup';
import { otherReadings } from '@gatehouse/admission/scanned-code';
import type { QuestionFact } from '@gatehouse/events/reference';
import { readAnswers, type CheckinQuestion } from '@gatehouse/domain/answers';
import { instantOf, parseInstant, type Instant } from '@gatehouse/domain/instant';
import type { ListFacts, Scan } from '@gatehouse/domain/redeem';
import { RejectedEvent } from '@gatehouse/eventing/event-store';
import { Fields } from '@gatehouse/service/fields';
import type { Principal } from '@gatehouse/service/auth';
import type { Body } from '@gatehouse/service/body';
import { rawValue, validate, WRONG_DATETIME } from '@gatehouse/service/drf';
import { ApiError, fieldError, notFound } from '@gatehouse/service/errors';
import { chooseLanguage } from '@gatehouse/service/language';
import { idIn } from '@gatehouse/service/path';
import { unstorable } from '@gatehouse/service/python';
import type { Query } from '@gatehouse/service/query';
import type { Reply } from '@gatehouse/service/reply';
import type { TicketName } from './ticket-request';
import { positionResource } from './position';
import { findTicket, readTicketFilter } from './positions';
import { uploadOf, uploadRefused } from './upload';

/** One redeem request, on either path. */
export type RedeemCall = {
  readonly festival: Festival;
  /** The list in the path, decoded. */
  readonly list: string;
  readonly position: TicketName;
  readonly query: Query;
  body(): Promise<Body>;
  readonly acceptLanguage: string | undefined;
  readonly trace: string | null;
  baseUrl(): string;
  /** UUID of a request with an idempotency key. */
  readonly request?: string;
  /** The principal, or a credential and a function that finds its principal in the read. Throws 401 and 403. */
  readonly principal: Principal | { readonly credential: string; accept(found: Found): Principal };
};

/** Answers one redeem request. Throws ApiError for the refusals of contract §6. */
export type Redeemer = (ask: RedeemCall) => Promise<Reply>;

/** POST …/redeem/: contract §6. One coalesced read, one decision, one group-committed append (design §3). */
export function redeemer(admission: Admission, finder: TicketFinder): Redeemer {
  const look = scanLookup(admission);

  return async (ask) => {
    const { festival, query } = ask;
    const body = ask.body();
    // Read in parallel with the look-up; its errors are reported after those of list and ticket (contract §6.2).
    body.catch(() => undefined);
    const asked = {
      event: festival.key,
      list: idIn(ask.list),
      date: null,
      secret: ask.position.text,
      others: () => otherReadings(ask.position),
      id: ask.position.id,
      credential: 'credential' in ask.principal ? ask.principal.credential : null,
    };
    const { list, found } = await look(asked);
    const principal = 'credential' in ask.principal ? ask.principal.accept(found) : ask.principal;
    if (!list) throw notFound();
    const where = await readTicketFilter(query, admission.catalog, finder);
    const filtered = Object.keys(where).length > 0;
    let ticket: Ticket | null | undefined = found.ticket;
    if (filtered) {
      ticket = await findTicket(
        finder,
        {
          list,
          allDates: allDatesOf(list, festival.fact.has_subevents),
          ...{ ignoreStatus: true, ignoreProducts: true },
          where,
          ordering: [],
        },
        ask.position,
      );
    }
    const facts = factsOf(list);
    const by = {
      actor: principal.actor,
      trace: ask.trace,
      ...(ask.request ? { request: ask.request } : {}),
    };
    if (!ticket || (ticket.id === ask.position.id && isChip(await body.catch(() => ({}))))) {
      // An unknown ticket is answered 404, even if the body is invalid (contract, Transport).
      const unread = await body.catch(() => ({}));
      if (kindIn(unread)) {
        const scan = attemptOfUnreadableBody(unread);
        const upload = isQueued(unread, principal) && uploadNonce(unread);
        if (upload) {
          await admission.gate.unknown({ list: facts, scan }, { ...by, upload: uploadOf(list.id, null, upload) });
          return uploadRefused;
        }
        await admission.gate.unknown({ list: facts, scan }, by);
      }
      throw notFound();
    }
    const sent = await body;
    if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) await validate(sent, {});
    const kind = kindIn(sent);
    if (!kind) throw new ApiError(400, ['Invalid check-in type.']);
    const datetime = readDatetime(sent);
    const nonce = readNonce(sent);
    const isUpload = isQueued(sent, principal) && nonce !== null;
    const language = chooseLanguage(ask.acceptLanguage, festival.fact.locales, festival.fact.locale);
    const questions = checkinQuestions(festival, ticket.item, language);
    const scan = {
      kind,
      isUpload,
      datetime,
      nonce,
      force: truthy(rawValue(sent, 'force')),
      ignoreUnpaid: truthy(rawValue(sent, 'ignore_unpaid')),
      questionsSupported: truthy(valueOr(true, rawValue(sent, 'questions_supported'))),
      canceledSupported: truthy(rawValue(sent, 'canceled_supported')),
      questions,
      given: readAnswers(questions, readRawAnswers(sent), { timeZone: festival.fact.timezone, language }),
      restrictedTo: null,
      ...rulesOf(permittedBy(facts, { festival, ticket, datetime })),
    };
    const scanner = isUpload ? { ...by, upload: uploadOf(list.id, ticket.id, nonce) } : by;
    const { result, before } = await admission.gate.admit(ticket, { list: facts, scan }, scanner).catch(rejected);
    if (isUpload && result.outcome === 'error') return uploadRefused;
    const attention = requiresAttention(ticket, festival);
    const position = positionResource(ticket, before, {
      festival,
      catalog: admission.catalog,
      list: list.id,
      // A function, not a getter: V8 retains the closure of a literal's getter until the next full collection.
      baseUrl: () => ask.baseUrl(),
      pdfData: query.get('pdf_data') === 'true',
      reader: principal,
    });
    switch (result.outcome) {
      case 'ok':
        return { status: 201, body: { status: 'ok', require_attention: attention, position } };
      case 'incomplete':
        return {
          status: 400,
          body: {
            status: 'incomplete',
            require_attention: attention,
            position,
            questions: questionResources(festival, result.missing),
          },
        };
      case 'error':
        return {
          status: 400,
          body: { status: 'error', reason: result.reason, require_attention: attention, position },
        };
    }
  };
}

const factsOf = (list: ListRow): ListFacts => list.fields;

const rulesOf = (permitted: Scan['permitted']) => (permitted ? { permitted } : {});

/** Answers that are too large for history are the client's error. */
function rejected(error: unknown): never {
  throw error instanceof RejectedEvent ? fieldError('answers', 'The answers are too large.') : error;
}

/** Python's truthiness, by which the reference evaluates flags: any text but the empty one is true (contract §6.1). */
function truthy(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The default applies only to an absent value; null is a value, and false. */
const valueOr = (fallback: unknown, value: unknown): unknown => (value === undefined ? fallback : value);

/** Newer scanners send the type; undefined for another one. Taken for an entry it would use up the ticket (contract, decisions). */
function kindIn(body: Body): 'entry' | 'exit' | undefined {
  const type = rawValue(body, 'type') ?? 'entry';
  return type === 'entry' || type === 'exit' ? type : undefined;
}

/** Whether a device uploads a scan from its queue: it has let in already, and says when. */
const isQueued = (body: Body, { kind }: Principal): boolean =>
  kind === 'device' && truthy(rawValue(body, 'force')) && typeof rawValue(body, 'datetime') === 'string';

/** The nonce of an upload, if it is a valid one. */
function uploadNonce(body: Body): string | null {
  try {
    return readNonce(body);
  } catch {
    return null;
  }
}

/** Newer scanners also read chips, whose number is not a position's id. A secret may be on any medium. */
function isChip(body: Body): boolean {
  const source = rawValue(body, 'source_type');
  return truthy(source) && source !== 'barcode';
}

/** The time of the scan: now unless the client sends one (contract §6.1). Throws the 400 that is a bare array. */
function readDatetime(body: Body): Instant {
  const raw = rawValue(body, 'datetime');
  if (raw === undefined || raw === null) return instantOf(Date.now());
  const instant = typeof raw === 'string' ? parseInstant(raw) : undefined;
  if (!instant) throw new ApiError(400, [WRONG_DATETIME]);
  return instant;
}

const MAX_NONCE = 190;

/** null: none, so a repeat is not recognised. */
function readNonce(body: Body): string | null {
  const raw = rawValue(body, 'nonce');
  if (!truthy(raw)) return null;
  if (typeof raw !== 'string' && typeof raw !== 'number' && typeof raw !== 'bigint') {
    throw fieldError('nonce', 'Not a valid string.');
  }
  const nonce = String(raw);
  if ([...nonce].length > MAX_NONCE) {
    throw fieldError('nonce', `Ensure this field has no more than ${MAX_NONCE} characters.`);
  }
  const [wrong] = unstorable(nonce);
  if (wrong) throw fieldError('nonce', wrong);
  return nonce;
}

const NO_ANSWERS: Readonly<Record<string, unknown>> = {};

/** Answers by question id; a value that is no object is treated as absent (contract, decisions). */
function readRawAnswers(body: Body): Readonly<Record<string, unknown>> {
  const raw = rawValue(body, 'answers');
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw) || raw instanceof Fields) return NO_ANSWERS;
  for (const answer of Object.values(raw)) {
    const [wrong] = typeof answer === 'string' ? unstorable(answer) : [];
    if (wrong) throw fieldError('answers', wrong);
  }
  return raw as Record<string, unknown>;
}

/** The recorded fields of a scan of an unknown ticket: those that are valid, whatever else is wrong with the body. */
function attemptOfUnreadableBody(body: Body): Pick<Scan, 'kind' | 'datetime' | 'force' | 'nonce'> {
  const raw = rawValue(body, 'datetime');
  return {
    kind: kindIn(body) ?? 'entry',
    datetime: (typeof raw === 'string' && parseInstant(raw)) || instantOf(Date.now()),
    force: truthy(rawValue(body, 'force')),
    nonce: truthy(rawValue(body, 'nonce')) ? 'present' : null,
  };
}

function questionResources(festival: Festival, missing: readonly CheckinQuestion[]): Record<string, unknown>[] {
  const ids = new Set(missing.map((question) => question.id));
  return festival.questions.filter((question) => ids.has(question.id)).map(questionResource);
}

/** The question resource of contract §6.3, its keys in their order. */
const questionResource = (question: QuestionFact): Record<string, unknown> => ({
  id: question.id,
  question: question.question,
  type: question.type,
  required: question.required,
  items: question.items,
  options: sortedOptions(question).map(({ id, identifier, answer, position }) => ({
    id,
    identifier,
    answer,
    position,
  })),
  position: question.position,
  ask_during_checkin: question.ask_during_checkin,
  identifier: question.identifier,
  dependency_question: question.dependency_question,
  dependency_values: question.dependency_values,
  hidden: question.hidden,
  dependency_value: question.dependency_values[0] ?? null,
  print_on_invoice: question.print_on_invoice,
});
