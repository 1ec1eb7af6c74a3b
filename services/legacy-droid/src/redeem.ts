import type { Admission } from '@gatehouse/admission/admission';
import { checkinQuestions } from '@gatehouse/shop/questions';
import { permittedBy } from '@gatehouse/admission/rules';
import { scanLookup, type ScanFound } from '@gatehouse/admission/scan-lookup';
import { otherReadings } from '@gatehouse/admission/scanned-code';
import { readAnswers, type CheckinQuestion } from '@gatehouse/domain/answers';
import { instantOf, parseInstant, type Instant } from '@gatehouse/domain/instant';
import type { Reason } from '@gatehouse/domain/redeem';
import { readLenientTime } from '@gatehouse/domain/lenient-time';
import type { DroidKeyFact } from '@gatehouse/events/reference';
import { RejectedEvent } from '@gatehouse/eventing/event-store';
import { Fields } from '@gatehouse/service/fields';
import { unstorable } from '@gatehouse/service/python';
import type { Reply } from '@gatehouse/service/reply';
import { accessOf, dateNamed, keyOf, type DroidAccess, type DroidRequest } from './access';
import { isAsked, questionObject } from './questions';
import { plainText, Refusal, spaced } from './text';
import { isAsPaid, shownOf, ticketText, ticketWriter } from './tickets';

/** One scan of an old phone. */
export type RedeemCall = {
  readonly request: DroidRequest;
  /** A form that is not small is only read after authentication. */
  readonly form: { readonly isSmall: boolean; read(): Promise<Fields> };
  readonly language: string;
  readonly trace: string | null;
};

/** POST redeem/: contract §3.3. As in checkin one coalesced read, one decision, one group-committed append. */
export function redeemer(admission: Admission): (ask: RedeemCall) => Promise<Reply> {
  const look = scanLookup(admission);
  // Cached keys by hash: hints only, since every read returns the key's current state.
  const keys = new Map<string, DroidKeyFact>();

  /** The cached key, or else the current one. Throws 403, before the body is read, for a key that was never valid. */
  async function knownKey(request: DroidRequest, isHintEnough: boolean): Promise<DroidKeyFact> {
    const hint = isHintEnough ? keys.get(request.keyHash) : undefined;
    return hint ?? keyOf(await admission.credential('droidkey', request.keyHash), request);
  }

  /** Checks the key's current state and finds list and ticket, all in one read. */
  async function authenticate(
    request: DroidRequest,
    known: DroidKeyFact,
    secret: string,
  ): Promise<{ access: DroidAccess } & ScanFound> {
    const { festival, date, keyHash } = request;
    let key = known;
    for (;;) {
      const { list, found } = await look({
        event: festival.key,
        list: key.list,
        date: dateNamed(date),
        secret,
        others: () => otherReadings({ text: secret }),
        id: null,
        credential: keyHash,
      });
      const before = key;
      key = keyOf(found.credential, request);
      keys.set(keyHash, key);
      if (key.list === before.list) return { access: accessOf(list, key, request), list, found };
    }
  }

  return async ({ request, form, language, trace }) => {
    const hint = await knownKey(request, form.isSmall);
    // Errors of the body are reported after those of the key (contract §3.1).
    const sent = await form.read().then(
      (fields) => ({ fields, unreadable: undefined }),
      (error: unknown) => ({ fields: new Fields([]), unreadable: { error } }),
    );
    const { fields } = sent;
    const secret = fields.get('secret') ?? '';
    // No ticket has such a secret, since PostgreSQL cannot store a NUL; nor is any secret empty.
    const { access, found } = await authenticate(request, hint, secret.includes('\u0000') ? '' : secret);
    if (sent.unreadable) throw sent.unreadable.error;
    const { festival, key, list } = access;
    const scan = {
      datetime: readDatetime(fields),
      nonce: readNonce(fields),
      force: isOn(fields.get('force')),
      app: key.app,
    };
    const by = { actor: `droidkey:${key.id}`, trace };
    const { ticket } = found;
    if (!ticket) {
      await admission.gate.unknown({ list: { ...list.fields, subevent: access.date }, scan }, by);
      return { status: 200, raw: '{"version": 3, "status": "error", "reason": "unknown_ticket"}' };
    }
    const questions = checkinQuestions(festival, ticket.item, language);
    const permitted = permittedBy(list.fields, { festival, ticket, datetime: scan.datetime });
    const { result } = await admission.gate
      .admit(
        ticket,
        {
          list: list.fields,
          scan: {
            ...scan,
            ignoreUnpaid: isOn(fields.get('ignore_unpaid')),
            questionsSupported: Boolean(fields.get('questions_supported')),
            canceledSupported: false,
            questions: questions.filter(isAsked),
            given: readAnswers(questions, rawAnswers(questions, fields), {
              timeZone: festival.fact.timezone,
              language,
            }),
            restrictedTo: key.all_items ? null : new Set(key.items),
            ...(permitted ? { permitted } : {}),
          },
        },
        by,
      )
      .catch(rejected);
    // Not whether it has entered: this API has always answered so (contract §3.3).
    const redeemed = isAsPaid(ticket.status) || scan.force;
    const data = ticketText(ticketWriter(festival, language)(shownOf(ticket), list.fields), redeemed);
    switch (result.outcome) {
      case 'ok':
        return { status: 200, raw: `{"version": 3, "status": "ok", "data": ${data}}` };
      case 'incomplete': {
        const asked = questionsText(access, result.missing, language);
        return { status: 200, raw: `{"version": 3, "status": "incomplete", "questions": ${asked}, "data": ${data}}` };
      }
      case 'error':
        return {
          status: 200,
          raw: `{"version": 3, "status": "error", "reason": "${knownReason(result.reason)}", "data": ${data}}`,
        };
    }
  };
}

/** The reason by a word that old apps know (contract §3.3); the event has the real one. */
function knownReason(reason: Reason): 'already_redeemed' | 'unpaid' | 'product' {
  switch (reason) {
    case 'already_redeemed':
    case 'unpaid':
    case 'product':
      return reason;
    case 'canceled':
    case 'unapproved':
      return 'unpaid';
    case 'blocked':
    case 'invalid_time':
    case 'rules':
      return 'product';
  }
}

/** These flags are on for two texts only; `questions_supported` is on for any (contract §3.3). */
const isOn = (flag: string | undefined): boolean => flag === 'true' || flag === 'True';

/** The time of the scan: now unless the device sends one, mostly in minutes. Throws the 400 with a plain text. */
function readDatetime(fields: Fields): Instant {
  const text = fields.get('datetime');
  if (!text) return instantOf(Date.now());
  const instant = parseInstant(text) ?? lenientInstant(text);
  if (!instant) throw new Refusal(plainText(400, 'The datetime cannot be read.'));
  return instant;
}

/** Other common formats; without a zone it is UTC, the server's zone, and a day alone is its midnight. */
function lenientInstant(text: string): Instant | undefined {
  const { date = null, time = null, offset = null } = readLenientTime(text) ?? {};
  if (!date) return undefined;
  const two = (value: number) => String(value).padStart(2, '0');
  const { hour, minute, second } = time ?? { hour: 0, minute: 0, second: 0 };
  const east = Math.abs(offset ?? 0);
  const zone = `${(offset ?? 0) < 0 ? '-' : '+'}${two(Math.floor(east / 60))}:${two(east % 60)}`;
  const day = `${String(date.year).padStart(4, '0')}-${two(date.month)}-${two(date.day)}`;
  return parseInstant(`${day}T${two(hour)}:${two(minute)}:${two(second)}${zone}`);
}

const MAX_NONCE = 190;

/** null: none, so a repeat is not recognised. Throws the 400 with a plain text. */
function readNonce(fields: Fields): string | null {
  const nonce = fields.get('nonce');
  if (!nonce) return null;
  if ([...nonce].length > MAX_NONCE)
    throw new Refusal(plainText(400, `The nonce has more than ${MAX_NONCE} characters.`));
  if (unstorable(nonce).length > 0) throw new Refusal(plainText(400, 'The nonce has characters that are not allowed.'));
  return nonce;
}

/** Answers by question id, from one field each. */
function rawAnswers(questions: readonly CheckinQuestion[], fields: Fields): Record<string, string> {
  const answers: Record<string, string> = {};
  for (const { id } of questions) {
    const answer = fields.get(`answer_${id}`);
    if (answer !== undefined) answers[id] = answer;
  }
  return answers;
}

/** Answers that are too large for history are the client's error. */
function rejected(error: unknown): never {
  throw error instanceof RejectedEvent ? new Refusal(plainText(400, 'The answers are too large.')) : error;
}

function questionsText({ festival }: DroidAccess, missing: readonly CheckinQuestion[], language: string): string {
  const ids = new Set(missing.map((question) => question.id));
  const asked = festival.questions.filter((question) => ids.has(question.id));
  return spaced(asked.map((question) => questionObject(question, festival, language)));
}
