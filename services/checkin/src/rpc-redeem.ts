import { meantBy, type Candidate } from '@gatehouse/admission/addon-match';
import type { Admission } from '@gatehouse/admission/admission';
import type { ListRow } from '@gatehouse/admission/lists';
import { requiresAttention } from '@gatehouse/admission/products';
import { otherReadings } from '@gatehouse/admission/scanned-code';
import { severalLists, type SeveralFound } from '@gatehouse/admission/several-lists';
import type { TicketFinder } from '@gatehouse/admission/tickets/find';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { instantOf } from '@gatehouse/domain/instant';
import type { Reason } from '@gatehouse/domain/redeem';
import { authorize, covers, type Principal } from '@gatehouse/service/auth';
import type { Body } from '@gatehouse/service/body';
import { isOutage, notFound } from '@gatehouse/service/errors';
import type { Query } from '@gatehouse/service/query';
import type { Reply } from '@gatehouse/service/reply';
import type { Credential } from '@gatehouse/shop/credentials';
import type { Festival } from '@gatehouse/shop/festival';
import { decide, scannerOf, type Asked } from './decide';
import { newerQuestion } from './expand';
import { positionText } from './position';
import { questionsIn } from './questions';
import { mayScanBy, readRedeem, type RedeemFields } from './rpc-fields';
import { uploadRefused } from './upload';
import type { ScanRequest } from './scan-request';

/** One request to redeem by several lists, on either path. */
export type RpcRedeemCall = ScanRequest & {
  readonly organizer: string;
  /** The principal, or a credential whose principal the scan's read finds, or else a read of its own. They throw 401. */
  readonly principal: Principal | Unread;
};

type Unread = {
  readonly credential: string;
  accept(credential: Credential | null): Principal;
  find(): Promise<Principal>;
};

/** POST …/checkinrpc/redeem/: contract §10, 4.12. As a scan by one list: one coalesced read, one decision, one append. */
export function rpcRedeemer(admission: Admission, finder: TicketFinder): (ask: RpcRedeemCall) => Promise<Reply> {
  const several = severalLists(admission);

  const look = (fields: RedeemFields, credential: string | null) =>
    several.look({
      lists: fields.lists.map(({ id }) => id),
      secret: fields.secret,
      others: () => otherReadings({ text: fields.secret }),
      credential,
    });

  /** Lists that were made a moment ago are known, too. */
  async function knownNow(ids: readonly number[]): Promise<Map<number, ListRow>> {
    const known = await several.known(ids);
    if (ids.every((id) => known.has(id)) || !(await admission.caughtUp(['lists']))) return known;
    return several.known(ids);
  }

  return async (ask) => {
    const body = ask.body();
    if ('credential' in ask.principal) {
      const taken = await inOneRead(ask, ask.principal, body);
      if (taken) return decided(ask, taken);
    }
    // Whoever asks is known before anything is said about the request.
    const principal = 'credential' in ask.principal ? await ask.principal.find() : ask.principal;
    authorize(principal, 'any', { organizer: ask.organizer });
    const fields = await readRedeem(await body, knownNow, mayScanBy(principal));
    return decided(ask, { fields, principal, found: await look(fields, null) });
  };

  /** The usual request, whose scanner the scan's read finds; undefined for any that is not to be answered so. */
  async function inOneRead(ask: RpcRedeemCall, unread: Unread, body: Promise<Body>): Promise<Read | undefined> {
    const fields = await body
      .then((sent) => readRedeem(sent, several.known, () => true))
      .catch((error: unknown) => {
        if (isOutage(error)) throw error;
        return undefined;
      });
    if (!fields) return undefined;
    const found = await look(fields, unread.credential);
    if (found.at.length < fields.lists.length) return undefined;
    const principal = unread.accept(found.credential);
    authorize(principal, 'any', { organizer: ask.organizer });
    return fields.lists.every(mayScanBy(principal)) ? { fields, principal, found } : undefined;
  }

  async function decided(ask: RpcRedeemCall, { fields, principal, found }: Read): Promise<Reply> {
    const { type: kind, force, nonce } = fields;
    const datetime = fields.datetime ?? instantOf(Date.now());
    const by = { actor: principal.actor, trace: ask.trace, ...(ask.request ? { request: ask.request } : {}) };
    const isUpload = principal.kind === 'device' && fields.isQueued && nonce !== null;
    const asked: Asked = {
      ...{ kind, datetime, force, nonce, isUpload, canceledSupported: true, answers: fields.answers },
      ignoreUnpaid: fields.ignore_unpaid,
      questionsSupported: fields.questions_supported,
      acceptLanguage: ask.acceptLanguage,
    };
    const meant = await meantBy(found.at, finder, datetime);
    if (!meant) {
      const list = found.at[0]?.list;
      // It was deleted since it was read.
      if (!list) throw notFound();
      await admission.gate.unknown({ list: list.fields, scan: asked }, scannerOf(by, { list, ticket: null, asked }));
      return isUpload ? refusedUpload(list) : unknownTicket(list);
    }
    const { list, ticket } = meant;
    const festival = admission.catalog.festival(list.fields.organizer, list.fields.event);
    if (!festival) throw notFound();
    const shown = shower(ask, { festival, principal, candidate: meant });
    if (meant.isAmbiguous) {
      const scanner = scannerOf(by, { list, ticket, asked });
      await admission.gate.ambiguous(ticket, { list: list.fields, scan: asked }, scanner);
      return isUpload ? refusedUpload(list) : refused('ambiguous', shown(ticket.history.state));
    }
    const { result, before } = await decide(admission, { festival, list, ticket }, asked, by);
    if (isUpload && result.outcome === 'error') return refusedUpload(list);
    const parts = shown(before);
    switch (result.outcome) {
      case 'ok':
        return { status: 201, raw: `{"status":"ok"${parts}}` };
      case 'incomplete': {
        const questions = JSON.stringify(questionsIn(festival, result.missing).map(newerQuestion));
        return { status: 400, raw: `{"status":"incomplete"${parts},"questions":${questions}}` };
      }
      case 'error':
        return refused(result.reason, parts);
    }
  }

  /** What a reply shows of the ticket that was meant: JSON members, each after a comma. */
  function shower(ask: RpcRedeemCall, { festival, principal, candidate: { list, ticket } }: ToShow) {
    const { organizer, event } = list.fields;
    const mayRead = covers(principal, 'can_view_orders', { organizer, event });
    return (history: Ticket['history']['state']): string => {
      const position = positionText(ticket, history, {
        festival,
        catalog: admission.catalog,
        list: list.id,
        baseUrl: () => ask.baseUrl(),
        pdfData: mayRead && ask.query.get('pdf_data')?.toLowerCase() === 'true',
        reader: principal,
        newer: { expand: expandIn(ask.query) },
      });
      const texts = JSON.stringify(checkinTexts(ticket, festival));
      const listed = JSON.stringify(listExcerpt(list));
      const attention = requiresAttention(ticket, festival);
      return `,"require_attention":${attention},"checkin_texts":${texts},"position":${position},"list":${listed}`;
    };
  }
}

type Read = { readonly fields: RedeemFields; readonly principal: Principal; readonly found: SeveralFound };
type ToShow = { readonly festival: Festival; readonly principal: Principal; readonly candidate: Candidate };

const NOTHING: ReadonlySet<string> = new Set();

/** The parts that a request wants as whole objects. */
export const expandIn = (query: Query): ReadonlySet<string> =>
  query.text === '' ? NOTHING : new Set(query.fields.getAll('expand'));

/** What is to be told at the gate of a product and its variation, where the shop says so. */
function checkinTexts({ item: id, variation: chosen }: Ticket, { items }: Festival): string[] {
  const item = items.get(id);
  const given = item?.given as Given | undefined;
  const variation = given?.variations?.find((each) => each.id === chosen);
  return [given?.checkin_text, variation?.checkin_text].filter(
    (text) => typeof text === 'string' && text !== '',
  ) as string[];
}
type Given = {
  readonly checkin_text?: unknown;
  readonly variations?: readonly { readonly id?: unknown; readonly checkin_text?: unknown }[];
};

/** What replies say of a list. */
const listExcerpt = ({ id, fields: { name, event, subevent, include_pending } }: ListRow) => ({
  ...{ id, name, event, subevent, include_pending },
});

const refused = (reason: Reason | 'ambiguous', parts: string): Reply => ({
  status: 400,
  raw: `{"status":"error","reason":"${reason}","reason_explanation":null${parts}}`,
});

const unknownTicket = (list: ListRow): Reply => ({
  status: 404,
  body: {
    ...{ detail: 'Not found.', status: 'error', reason: 'invalid', reason_explanation: null },
    ...{ require_attention: false, checkin_texts: [], list: listExcerpt(list) },
  },
});

const refusedUpload = (list: ListRow): Reply => ({
  status: uploadRefused.status,
  body: { ...(uploadRefused.body as object), reason_explanation: null, checkin_texts: [], list: listExcerpt(list) },
});
