import type { Reason } from '@gatehouse/domain/redeem';
import type { Admission } from '@gatehouse/admission/admission';
import { meantBy } from '@gatehouse/admission/addon-match';
import type { Festival } from '@gatehouse/shop/festival';
import type { TicketFinder } from '@gatehouse/admission/tickets/find';
import type { Found, Ticket } from '@gatehouse/admission/tickets/lookup';
import { allDatesOf } from '@gatehouse/admission/tickets/query';
import { requiresAttention } from '@gatehouse/admission/products';
import { scanLookup } from '@gatehouse/admission/scan-lookup';
import { otherReadings } from '@gatehouse/admission/scanned-code';
import type { Principal } from '@gatehouse/service/auth';
import { rawValue, validate } from '@gatehouse/service/drf';
import { ApiError, notFound } from '@gatehouse/service/errors';
import { idIn } from '@gatehouse/service/path';
import type { Reply } from '@gatehouse/service/reply';
import type { TicketName } from './ticket-request';
import { decide, scannerOf } from './decide';
import { positionText } from './position';
import { findTicket, readTicketFilter } from './positions';
import { questionResource, questionsIn } from './questions';
import {
  attemptOfUnreadableBody,
  isChip,
  isQueued,
  kindIn,
  readDatetime,
  readNonce,
  readRawAnswers,
  truthy,
  uploadNonce,
  valueOr,
} from './redeem-body';
import type { ScanRequest } from './scan-request';
import { uploadRefused } from './upload';

/** One redeem request, on either path. */
export type RedeemCall = ScanRequest & {
  readonly festival: Festival;
  /** The list in the path, decoded. */
  readonly list: string;
  readonly position: TicketName;
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
        const nonce = isQueued(unread, principal) ? uploadNonce(unread) : null;
        const upload = { isUpload: nonce !== null, nonce };
        await admission.gate.unknown({ list: list.fields, scan }, scannerOf(by, { list, ticket: null, asked: upload }));
        if (upload.isUpload) return uploadRefused;
      }
      throw notFound();
    }
    const sent = await body;
    if (typeof sent !== 'object' || sent === null || Array.isArray(sent)) await validate(sent, {});
    const kind = kindIn(sent);
    if (!kind) throw new ApiError(400, ['Invalid check-in type.']);
    const datetime = readDatetime(sent);
    const nonce = readNonce(rawValue(sent, 'nonce'));
    const isUpload = isQueued(sent, principal) && nonce !== null;
    const scan = {
      kind,
      isUpload,
      datetime,
      nonce,
      force: truthy(rawValue(sent, 'force')),
      ignoreUnpaid: truthy(rawValue(sent, 'ignore_unpaid')),
      questionsSupported: truthy(valueOr(true, rawValue(sent, 'questions_supported'))),
      canceledSupported: truthy(rawValue(sent, 'canceled_supported')),
      answers: readRawAnswers(rawValue(sent, 'answers')),
      acceptLanguage: ask.acceptLanguage,
    };
    const shown = (one: Ticket, history = one.history.state) =>
      positionText(one, history, {
        festival,
        catalog: admission.catalog,
        list: list.id,
        // A function, not a getter: V8 retains the closure of a literal's getter until the next full collection.
        baseUrl: () => ask.baseUrl(),
        pdfData: query.get('pdf_data') === 'true',
        reader: principal,
      });
    if (list.fields.addon_match === true && ticket.id !== ask.position.id) {
      const meant = await meantBy([{ list, ticket }], finder, datetime);
      ticket = meant!.ticket;
      if (meant!.isAmbiguous) {
        await admission.gate.ambiguous(
          ticket,
          { list: list.fields, scan },
          scannerOf(by, { list, ticket, asked: scan }),
        );
        return isUpload ? uploadRefused : refused('ambiguous', requiresAttention(ticket, festival), shown(ticket));
      }
    }
    const { result, before } = await decide(admission, { festival, list, ticket }, scan, by);
    if (isUpload && result.outcome === 'error') return uploadRefused;
    const attention = requiresAttention(ticket, festival);
    const position = shown(ticket, before);
    switch (result.outcome) {
      case 'ok':
        return { status: 201, raw: `{"status":"ok","require_attention":${attention},"position":${position}}` };
      case 'incomplete': {
        const questions = JSON.stringify(questionsIn(festival, result.missing).map(questionResource));
        return {
          status: 400,
          raw: `{"status":"incomplete","require_attention":${attention},"position":${position},"questions":${questions}}`,
        };
      }
      case 'error':
        return refused(result.reason, attention, position);
    }
  };
}

/** `position` as JSON. */
const refused = (reason: Reason | 'ambiguous', attention: boolean, position: string): Reply => ({
  status: 400,
  raw: `{"status":"error","reason":"${reason}","require_attention":${attention},"position":${position}}`,
});
