import { createHash } from 'node:crypto';
import type { DeviceFact } from '@gatehouse/events/reference';
import type { Reference } from '@gatehouse/reference/context';
import { decideCredential } from '@gatehouse/reference/credentials';
import {
  revokeItself,
  rollToken,
  setUp,
  updateApp,
  type AppInfo,
  type DeviceDecision,
  type SetUpRefusal,
  type TokenRefusal,
} from '@gatehouse/reference/devices';
import { newSerial, newToken } from '@gatehouse/reference/secrets';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { claimOf, refusedCredential, type Credentials } from '@gatehouse/service/auth';
import { char, nullable, validate, withDefault } from '@gatehouse/service/drf';
import { fieldError } from '@gatehouse/service/errors';
import { route, type Route } from '@gatehouse/service/http';
import type { Reply } from '@gatehouse/service/reply';
import { deviceResource, tokenOf } from '@gatehouse/shop/device-resource';
import { principalOf } from '@gatehouse/shop/principals';

/*
 * What changes a device: an app sets it up with the token of its QR code, tells of itself, takes a new API token, ends it
 * (pretix's "Device authentication"). What an app only reads of itself is answered by checkin, at every gate.
 */

/** pretix's words, which its apps show. The last is ours: pretix's tokens do not expire. */
const REFUSALS: Readonly<Record<SetUpRefusal, string>> = {
  unknown: 'Unknown initialization token.',
  used: 'This initialization token has already been used.',
  revoked: 'This initialization token has been revoked.',
  expired: 'This initialization token has expired.',
};

/** As long as the shop keeps them. */
const text = () => char({ max: 190 });
const APP = {
  hardware_brand: text(),
  hardware_model: text(),
  os_name: withDefault(nullable(text()), null),
  os_version: withDefault(nullable(text()), null),
  software_brand: text(),
  software_version: text(),
};

type Devices = Pick<Reference, 'store' | 'findDevice' | 'published'>;

/** `POST device/initialize`, `update`, `roll`, `revoke`: 200 with the device, 400 by field, 401 (contract §1.2). */
export function deviceRoutes(devices: Devices): Route[] {
  const ofDevice = { access: 'device', isSecret: true, credentials: credentialsOf(devices) } as const;
  return [
    route('device/initialize', { access: 'anyone', POST: (request) => initialize(request, devices) }),
    route('device/update', {
      name: 'device.update',
      ...ofDevice,
      POST: async (request) => {
        const app: AppInfo = await validate(await request.body(), APP);
        return change(request, devices, { decide: (hash) => updateApp(app, hash) });
      },
    }),
    route('device/roll', {
      name: 'device.roll',
      ...ofDevice,
      POST: (request) => {
        const apiToken = newToken();
        return change(request, devices, { decide: (hash) => rollToken(sha256(apiToken), hash), apiToken });
      },
    }),
    route('device/revoke', {
      name: 'device.revoke',
      ...ofDevice,
      POST: (request) => change(request, devices, { decide: revokeItself }),
    }),
  ];
}

async function initialize(request: ApiRequest, { store, findDevice, published }: Devices): Promise<Reply> {
  const { token, ...app } = await validate(await request.body(), { token: text(), ...APP });
  const setUpTokenHash = sha256(token);
  const found = await findDevice('setup_token_hash', setUpTokenHash);
  if (!found) throw refused('unknown');
  const apiToken = newToken();
  const by = { setUpTokenHash, apiTokenHash: sha256(apiToken), serial: newSerial(), now: new Date().toISOString() };
  const { result, position } = await decideCredential(store, placeOf(found, request), setUp(app, by));
  if (typeof result === 'string') throw refused(result);
  if (position !== null) await published(position);
  return { status: 200, body: deviceResource(result, apiToken) };
}

type Change = {
  /** The decision, which gets the hash of the token that the request has brought. */
  readonly decide: (tokenHash: string) => DeviceDecision<DeviceFact | TokenRefusal>;
  /** The token to show; by default the one that the request has brought. */
  readonly apiToken?: string;
};

async function change(
  request: ApiRequest,
  { store, published }: Devices,
  { decide, apiToken = tokenOf(request) }: Change,
): Promise<Reply> {
  const { organizer, id: device_id } = request.principal;
  const { secretSha256 } = claimOf(request.header('authorization'));
  const place = placeOf({ organizer, device_id }, request);
  const { result, position } = await decideCredential(store, place, decide(secretSha256));
  // Somebody has changed the token since it was looked up.
  if (typeof result === 'string') throw refusedCredential(result);
  if (position !== null) await published(position);
  return { status: 200, body: deviceResource(result, apiToken) };
}

const placeOf = ({ organizer, device_id: id }: Pick<DeviceFact, 'organizer' | 'device_id'>, { trace }: ApiRequest) =>
  ({ type: 'DeviceStated', stream: `device-${organizer}/${id}`, by: { actor: `device:${id}`, trace } }) as const;

/** Devices as `reference` itself knows them, so that a rolled token is valid here at once. */
const credentialsOf = ({ findDevice }: Devices): Credentials => ({
  async find(kind, secretSha256) {
    const fact = await findDevice('token_hash', secretSha256);
    return principalOf(fact && { kind: 'device', fact }, kind);
  },
});

const refused = (why: SetUpRefusal) => fieldError('token', REFUSALS[why]);
const sha256 = (secret: string): string => createHash('sha256').update(secret).digest('hex');
