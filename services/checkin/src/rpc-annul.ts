import type { Admission } from '@gatehouse/admission/admission';
import { annulScan, type Annulled } from '@gatehouse/admission/annul';
import { findListsById } from '@gatehouse/admission/lists';
import { instantOf } from '@gatehouse/domain/instant';
import { RejectedEvent } from '@gatehouse/eventing/event-store';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { fieldError } from '@gatehouse/service/errors';
import type { Reply } from '@gatehouse/service/reply';
import { mayScanBy, readAnnul } from './rpc-fields';

/** POST …/checkinrpc/annul/: a scanner takes a scan of its own back (contract §10, 2024–2026). A repeat is answered ok again. */
export async function annul(request: ApiRequest, admission: Admission): Promise<Reply> {
  const { principal, idempotency } = request;
  await admission.caughtUp(['lists']);
  const known = async (ids: readonly number[]) =>
    new Map((await findListsById(admission.pool, ids)).map((list) => [list.id, list]));
  const fields = await readAnnul(await request.body(), known, mayScanBy(principal));
  const annulled = await annulScan(
    admission,
    {
      lists: fields.lists.map(({ id }) => id),
      nonce: fields.nonce,
      datetime: fields.datetime ?? instantOf(Date.now()),
      reason: fields.error_explanation ?? '',
    },
    {
      ...{ actor: principal.actor, isDevice: principal.kind === 'device', trace: request.trace },
      ...(idempotency ? { request: idempotency.namespace } : {}),
    },
  ).catch((error: unknown) => {
    throw error instanceof RejectedEvent ? fieldError('error_explanation', 'The explanation is too large.') : error;
  });
  return REPLIES[annulled];
}

const invalid = (message: string): Reply => ({ status: 400, body: { non_field_errors: [message] } });

const REPLIES: Readonly<Record<Annulled, Reply>> = {
  annulled: { status: 200, body: { status: 'ok' } },
  unknown: { status: 404, body: { detail: 'No check-in found based on nonce' } },
  ambiguous: { status: 400, body: ['Multiple check-ins found based on nonce'] },
  late: invalid('Annulment is not allowed more than 15 minutes after check-in'),
  foreign: invalid('Annulment is only allowed from the same device'),
};
