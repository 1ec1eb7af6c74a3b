import type { Admission } from '@gatehouse/admission/admission';
import { ANY_DATE } from '@gatehouse/admission/tickets/lookup';
import { instantOf } from '@gatehouse/domain/instant';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { char, choice, datetime, integer, nullable, validate, withDefault } from '@gatehouse/service/drf';
import { route, type Route } from '@gatehouse/service/http';
import type { Reply } from '@gatehouse/service/reply';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { MAY_REDEEM } from './redeem-routes';
import { listOf } from './ticket-request';
import { uploadOf } from './upload';

/** The reasons that scanners name (contract §10). */
const REASONS = [
  ...['canceled', 'invalid', 'unpaid', 'product', 'rules', 'revoked', 'incomplete', 'already_redeemed', 'ambiguous'],
  ...['error', 'blocked', 'unapproved', 'invalid_time', 'annulled'],
] as const;

const id = () => withDefault(nullable(integer({ min: 1, max: 2 ** 31 - 1 })), null);

/** In the order in which they are shown. */
const SHAPE = {
  error_reason: choice(...REASONS),
  error_explanation: withDefault(nullable(char({ blank: true })), null),
  raw_barcode: char(),
  raw_item: id(),
  raw_variation: id(),
  raw_subevent: id(),
  nonce: withDefault(nullable(char({ max: 190, blank: true })), null),
  datetime: withDefault(nullable(datetime()), null),
  type: withDefault(choice('entry', 'exit'), 'entry'),
  position: id(),
};

/** POST …/failed_checkins/: what a scanner without a network has refused by itself (contract §10, 4.1). */
export function failedCheckinsRoute(admission: Admission): Route {
  return route(`${EVENT_PATH}checkinlists/:list/failed_checkins/`, {
    name: 'checkinlist-failed_checkins',
    access: { safe: 'can_view_orders', unsafe: MAY_REDEEM },
    POST: (request) => report(request, admission),
  });
}

async function report(request: ApiRequest, admission: Admission): Promise<Reply> {
  const festival = festivalOf(request, admission);
  const list = await listOf(request, admission, festival);
  const sent = await validate(await request.body(), SHAPE);
  // By the position that the scanner names, else by the code, whatever the list and its date.
  const { ticket } = await admission.lookup({
    ...{ event: festival.key, date: ANY_DATE, secret: sent.raw_barcode, id: sent.position },
    ...{ list: list.id, credential: null },
  });
  const nonce = sent.nonce === '' ? null : sent.nonce;
  const at = sent.datetime ?? instantOf(Date.now());
  await admission.gate.report(
    {
      list: list.fields,
      ticket,
      said: { item: sent.raw_item, variation: sent.raw_variation, date: sent.raw_subevent },
      reason: sent.error_reason,
      scan: { kind: sent.type, datetime: at, force: false, nonce },
    },
    {
      actor: request.principal.actor,
      trace: request.trace,
      ...(request.idempotency ? { request: request.idempotency.namespace } : {}),
      ...(nonce === null ? {} : { upload: uploadOf(list.id, ticket?.id ?? null, `failed ${nonce}`) }),
    },
  );
  return { status: 201, body: { ...sent, datetime: at } };
}
