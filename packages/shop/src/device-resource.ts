import { createHash } from 'node:crypto';
import type { DeviceFact } from '@gatehouse/events/reference';
import type { ApiRequest } from '@gatehouse/service/api-request';

/** A device as its own app sees it: what `device/initialize`, `update`, `info`, `roll` and `revoke` have in common. */
export const deviceResource = (fact: DeviceFact, apiToken: string) => ({
  organizer: fact.organizer,
  device_id: fact.device_id,
  unique_serial: fact.unique_serial ?? serialFor(fact),
  api_token: apiToken,
  name: fact.name,
  security_profile: fact.security_profile ?? 'full',
  /** Gates of pretix are not imported. */
  gate: null,
});

/** Always the same one, for a device that was imported before serial numbers were kept. */
function serialFor({ organizer, device_id }: DeviceFact): string {
  const hash = createHash('sha256').update(`${organizer}/${device_id}`).digest('hex');
  return hash.slice(0, 16).toUpperCase();
}

/** The API token that a device's request has brought, which is stored nowhere. */
export const tokenOf = (request: ApiRequest): string => (request.header('authorization') ?? '').trim().split(/\s+/)[1]!;
