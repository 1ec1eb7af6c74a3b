import type { Credential } from './credentials';
import {
  DEVICE_PERMISSIONS,
  type ShopAccess,
  type CredentialKind,
  type CredentialRefusal,
  type Principal,
} from '@gatehouse/service/auth';
import { allowListOf } from '@gatehouse/service/device-profiles';
import type { Shop } from './shop';

/** Principals of the REST API (team tokens and devices), and existing events, from the read models. */
export const restAccess = (shop: Shop): ShopAccess => ({
  credentials: {
    find: async (kind, secretSha256) => principalOf(await shop.credential(kind, secretSha256), kind),
  },
  events: { exists: (organizer, event) => shop.catalog.festival(organizer, event) !== undefined },
});

/** The same credential object always has the same principal. */
const principals = new WeakMap<Credential, Principal | CredentialRefusal>();

/** The principal of a credential, or why it is refused (contract §1.2). */
export function principalOf(
  credential: Credential | null | undefined,
  claimed: CredentialKind,
): Principal | CredentialRefusal {
  if (!credential || credential.kind !== claimed) return 'unknown';
  const known = principals.get(credential) ?? readPrincipal(credential);
  principals.set(credential, known);
  return known;
}

function readPrincipal(credential: Credential): Principal | CredentialRefusal {
  if (credential.kind === 'droidkey') return 'unknown';
  if (credential.kind === 'token') {
    const { fact } = credential;
    if (!fact.active) return 'inactive';
    const scope = { allEvents: fact.all_events, events: new Set(fact.limit_events) };
    return {
      kind: 'token',
      id: fact.id,
      organizer: fact.organizer,
      permissions: new Set(fact.permissions),
      ...scope,
      actor: `token:${fact.id}`,
    };
  }
  const { fact } = credential;
  if (!fact.initialized) return 'uninitialized';
  if (fact.revoked) return 'revoked';
  const allowList = allowListOf(fact.security_profile ?? 'full');
  return {
    kind: 'device',
    id: fact.device_id,
    organizer: fact.organizer,
    permissions: DEVICE_PERMISSIONS,
    allEvents: fact.all_events,
    events: new Set(fact.limit_events),
    actor: `device:${fact.device_id}`,
    ...(fact.software_brand ? { app: fact.software_brand } : {}),
    ...(allowList ? { allowList } : {}),
  };
}
