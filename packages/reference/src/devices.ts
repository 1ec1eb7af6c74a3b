import { timingSafeEqual } from 'node:crypto';
import type { Decision } from '@gatehouse/domain/decider';
import type { DeviceFact, ReferenceEvent } from '@gatehouse/events/reference';
import { BY_COMMAND } from './raw';

/*
 * What happens to a device: an app sets it up with the token of its QR code, tells of itself, takes a new API token, ends
 * it. Each is a decision on the device's stream, whose newest event is its whole state, so of two phones that scan one QR
 * code at once one sets the device up and the other is told that its token was used.
 */

type DeviceStated = Extract<ReferenceEvent, { type: 'DeviceStated' }>;
/** A decision on what history says of a device. */
export type DeviceDecision<R> = (known: DeviceFact | undefined) => Decision<R, DeviceStated>;

/** What an app tells of itself and of the phone on which it runs. */
export type AppInfo = {
  readonly hardware_brand: string;
  readonly hardware_model: string;
  readonly os_name: string | null;
  readonly os_version: string | null;
  readonly software_brand: string;
  readonly software_version: string;
};

/** Why a set-up token cannot be used. */
export type SetUpRefusal = 'unknown' | 'used' | 'revoked' | 'expired';

/** A fact that neither an import nor a command stated; its content hash stays, by which an import knows what is unchanged. */
const changed = (known: DeviceFact, change: Partial<DeviceFact>): DeviceStated => ({
  type: 'DeviceStated',
  data: { ...known, ...change, import: BY_COMMAND },
});

/**
 * Sets a device up with the token of its QR code, once. Hashes are SHA-256 in hexadecimal; `now` is an instant in UTC and
 * `serial` that of a device that has none yet.
 */
export const setUp =
  (
    app: AppInfo,
    by: { setUpTokenHash: string; apiTokenHash: string; serial: string; now: string },
  ): DeviceDecision<DeviceFact | SetUpRefusal> =>
  (known) => {
    if (!known || !sameHash(known.setup_token_hash, by.setUpTokenHash)) return { result: 'unknown', events: [] };
    if (known.initialized) return { result: 'used', events: [] };
    if (known.revoked) return { result: 'revoked', events: [] };
    const expires = known.setup_expires ?? null;
    if (expires !== null && expires <= by.now) return { result: 'expired', events: [] };
    const event = changed(known, {
      ...app,
      unique_serial: known.unique_serial ?? by.serial,
      initialized: true,
      token_hash: by.apiTokenHash,
      own_token: true,
    });
    return { result: event.data, events: [event] };
  };

/** Why a request of a device is refused although its token was valid when it arrived: somebody has changed it since. */
export type TokenRefusal = 'unknown' | 'revoked';

/** Decides only for a request that has brought the device's present API token, since read models may be behind. */
const withToken =
  (
    tokenHash: string,
    decide: (known: DeviceFact) => DeviceStated | undefined,
  ): DeviceDecision<DeviceFact | TokenRefusal> =>
  (known) => {
    if (!known || !sameHash(known.token_hash, tokenHash)) return { result: 'unknown', events: [] };
    if (known.revoked) return { result: 'revoked', events: [] };
    const event = decide(known);
    return event ? { result: event.data, events: [event] } : { result: known, events: [] };
  };

/** Keeps what an app tells of itself; nothing when it has told the same before. */
export const updateApp = (app: AppInfo, tokenHash: string): DeviceDecision<DeviceFact | TokenRefusal> =>
  withToken(tokenHash, (known) => {
    const isSame = (Object.keys(app) as (keyof AppInfo)[]).every((key) => (known[key] ?? null) === app[key]);
    return isSame ? undefined : changed(known, app);
  });

/** Replaces the API token by a new one; the old one ends. */
export const rollToken = (newTokenHash: string, tokenHash: string): DeviceDecision<DeviceFact | TokenRefusal> =>
  withToken(tokenHash, (known) => changed(known, { token_hash: newTokenHash, own_token: true }));

/** Ends the device at its own request, for good: no import revives it. */
export const revokeItself = (tokenHash: string): DeviceDecision<DeviceFact | TokenRefusal> =>
  withToken(tokenHash, (known) => changed(known, { revoked: true }));

/**
 * An imported device with what belongs to Gatehouse: a device whose API token was made here keeps that token and what its
 * app has told; the shop goes on deciding about its name, its events and whether it is revoked.
 */
export function keepOwn(stated: DeviceStated, known: DeviceFact): DeviceStated {
  if (!known.own_token) return stated;
  const { data } = stated;
  return {
    ...stated,
    data: {
      ...known,
      import: data.import,
      hash: data.hash,
      name: data.name,
      all_events: data.all_events,
      limit_events: data.limit_events,
      revoked: data.revoked,
      ...(data.security_profile === undefined ? {} : { security_profile: data.security_profile }),
    },
  };
}

/** In constant time, as all that is compared with a secret. */
function sameHash(known: string | null | undefined, given: string): boolean {
  if (known === null || known === undefined || known.length !== given.length) return false;
  return timingSafeEqual(Buffer.from(known), Buffer.from(given));
}
