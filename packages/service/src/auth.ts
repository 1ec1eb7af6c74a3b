import { createHash } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import type { Permission } from '@gatehouse/events/reference';
import { Recent } from '@gatehouse/eventing/recent';
import type { AllowList } from './device-profiles';
import { notAuthenticated, permissionDenied } from './errors';

export type CredentialKind = 'token' | 'device';

/** An authenticated client and its permissions (contract §1.3). */
export type Principal = {
  readonly kind: CredentialKind;
  readonly id: number;
  /** Slug of the organizer to which the permissions apply. */
  readonly organizer: string;
  readonly permissions: ReadonlySet<Permission>;
  /** Whether all events of the organizer are covered; otherwise those in `events` (slugs). */
  readonly allEvents: boolean;
  readonly events: ReadonlySet<string>;
  /** The actor in events: `token:3`. */
  readonly actor: string;
  /** What the app of a device calls itself, if it has told. */
  readonly app?: string;
  /** The only routes that it may use, for a device with a restricted security profile. */
  readonly allowList?: AllowList;
};

/** Permissions that every device has (contract §1.3). */
export const DEVICE_PERMISSIONS: ReadonlySet<Permission> = new Set<Permission>([
  'can_view_orders',
  'can_change_orders',
]);

/** Why a credential is refused. */
export type CredentialRefusal = 'unknown' | 'inactive' | 'uninitialized' | 'revoked';

/** Finds the principal of a secret. Only hashes are passed and stored. */
export interface Credentials {
  find(
    kind: CredentialKind,
    secretSha256: string,
  ): Principal | CredentialRefusal | Promise<Principal | CredentialRefusal>;
}

/** Finds existing events by their slugs. */
export interface Events {
  exists(organizer: string, event: string): boolean | Promise<boolean>;
}

/** Principals of the REST API, and the existing events. */
export type ShopAccess = { readonly credentials: Credentials; readonly events: Events };

/** For a process without a context that has credentials: nobody has access. */
export const NO_ACCESS: ShopAccess = {
  credentials: { find: () => 'unknown' },
  events: { exists: () => false },
};

/** What the Authorization header claims; `secretSha256` in lower-case hexadecimal. */
export type Claim = { readonly kind: CredentialKind; readonly secretSha256: string };

/** Texts that real scanners compare word for word: the one for a revoked device makes it wipe its data (contract §1.2). */
const REFUSALS: Record<CredentialRefusal, string> = {
  unknown: 'Invalid token.',
  inactive: 'Token inactive or deleted.',
  uninitialized: 'Device has not been initialized.',
  revoked: 'Device access has been revoked.',
};

const claims = new Recent<Claim>(5_000);
/** Longer than any real header; longer ones are not cached. */
const MAX_REMEMBERED_LENGTH = 200;

/** Reads the Authorization header, hashing each secret once. Throws the 401 of contract §1.2. */
export function claimOf(header: string | undefined): Claim {
  if (header === undefined) throw notAuthenticated();
  const known = claims.get(header);
  if (known) return known;
  const claim = readClaim(header);
  if (header.length <= MAX_REMEMBERED_LENGTH) claims.set(header, claim);
  return claim;
}

function readClaim(header: string): Claim {
  const [scheme, secret, more] = header.split(/[\t-\r ]+/).filter((word) => word !== '');
  const kind = scheme?.toLowerCase();
  if (kind !== 'token' && kind !== 'device') throw notAuthenticated();
  if (secret === undefined) throw notAuthenticated('Invalid token header. No credentials provided.');
  if (more !== undefined) throw notAuthenticated('Invalid token header. Token string should not contain spaces.');
  // Node decodes headers with one character per byte.
  const bytes = Buffer.from(secret, 'latin1');
  if (!isUtf8(bytes)) {
    throw notAuthenticated('Invalid token header. Token string should not contain invalid characters.');
  }
  return { kind, secretSha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The principal of the Authorization header, which must be of one of these kinds. Throws 401. */
export async function authenticate(
  credentials: Credentials,
  header: string | undefined,
  kinds: readonly CredentialKind[],
): Promise<Principal> {
  const claim = claimOf(header);
  // As the reference, which does not look at a header of the other kind there.
  if (!kinds.includes(claim.kind)) throw notAuthenticated();
  return accepted(await credentials.find(claim.kind, claim.secretSha256));
}

/** The principal; throws the 401 of a refused credential. */
export function accepted(found: Principal | CredentialRefusal): Principal {
  if (typeof found === 'string') throw refusedCredential(found);
  return found;
}

/** The 401 of a refused credential. */
export const refusedCredential = (why: CredentialRefusal) => notAuthenticated(REFUSALS[why]);

/** Throws the 403 of a device whose security profile does not list the route (contract §1.3); `name` is pretix's. */
export function requireListed({ allowList }: Principal, method: string, name: string): void {
  if (allowList && !allowList.routes.has(`${method} ${name}`)) throw permissionDenied(allowList.refusal);
}

/** One permission, or several of which one is enough; `any`: whoever is there for the event (or organizer) may. */
export type Need = Permission | readonly Permission[] | 'any';

/** Whether the principal has the permission for this organizer (and event, if one is named). Needs no look-up. */
export function covers(principal: Principal, need: Need, place: { organizer: string; event?: string }): boolean {
  if (principal.organizer !== place.organizer) return false;
  if (place.event !== undefined && !principal.allEvents && !principal.events.has(place.event)) return false;
  if (need === 'any') return true;
  if (typeof need === 'string') return principal.permissions.has(need);
  return need.some((permission) => principal.permissions.has(permission));
}

/** Throws the 403 that also hides whether the organizer or event exists (contract §1.3). */
export function authorize(principal: Principal, need: Need, place: { organizer: string; event?: string }): void {
  if (!covers(principal, need, place)) throw permissionDenied();
}
