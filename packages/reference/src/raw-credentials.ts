import type { Permission } from '@gatehouse/events/reference';
import { isDeviceProfile } from '@gatehouse/service/device-profiles';
import { z } from 'zod';
import type { EventScope } from './known';
import { json, LIMITS, text } from './limits';
import {
  BLANK,
  Flag,
  FlagOn,
  Id,
  Identifiers,
  Ids,
  MaybeName,
  NameOrEmpty,
  or,
  reader,
  secretHash,
  SharedId,
  Slugs,
  type Stated,
} from './raw';

/*
 * Credentials: team tokens, devices and droid keys (contract §1.2, §1.3, §3.1). Secrets are hashed as soon as they are read.
 */

/**
 * A secret that people copy by hand, because pretix shows it once: surrounding blanks and line ends are removed. A secret
 * that cannot be sent in a header is an error.
 */
const Secret = text(LIMITS.secret).transform((value, context) => {
  const secret = value.trim();
  const odd = /[^\x21-\x7e]/u.exec(secret)?.[0];
  if (odd === undefined) return secret;
  const code = odd.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  const message = odd === ' ' ? 'has a blank in it' : `has a character that no header carries (U+${code})`;
  context.addIssue({ code: 'custom', message });
  return z.NEVER;
});
const FilledSecret = Secret.refine((secret) => secret !== '', BLANK);

/** The old flag of a team, and the newer name of the same permission. */
const RIGHTS: readonly (readonly [Permission, string])[] = [
  ['can_view_orders', 'event.orders:read'],
  ['can_change_orders', 'event.orders:write'],
  ['can_change_event_settings', 'event.settings.general:write'],
  ['can_checkin_orders', 'event.orders:checkin'],
];

const Team = z.object({
  name: NameOrEmpty,
  all_events: Flag,
  limit_events: Slugs,
  can_view_orders: Flag,
  can_change_orders: Flag,
  can_change_event_settings: Flag,
  can_checkin_orders: Flag,
  all_event_permissions: Flag,
  limit_event_permissions: Identifiers,
  tokens: or(z.array(z.object({ name: NameOrEmpty, token: FilledSecret, active: FlagOn })), []),
});

/** A token before it has an id, which it gets when it is written. */
export type TokenContent = Omit<Stated<'TokenStated'>, 'id'>;

/** The tokens of one team. */
export const readTeam = reader(Team, (raw, { organizer }: { organizer: string }): TokenContent[] => {
  const permissions = RIGHTS.filter(
    ([flag, name]) => raw[flag] || raw.all_event_permissions || raw.limit_event_permissions.includes(name),
  ).map(([flag]) => flag);
  return raw.tokens.map((token) => ({
    organizer,
    name: token.name,
    token_hash: secretHash(token.token),
    active: token.active,
    permissions,
    all_events: raw.all_events,
    limit_events: raw.limit_events,
  }));
});

const Device = z.object({
  device_id: SharedId,
  name: NameOrEmpty,
  all_events: Flag,
  limit_events: Slugs,
  initialized: json().optional(),
  revoked: Flag,
  security_profile: or(text(LIMITS.name), 'full'),
  /** Null: not initialised. Absent: pretix does not repeat it; a stored one is kept. */
  api_token: Secret.nullable().optional(),
  /** With it an app can set up a device that was made in the shop and has not been set up there. */
  initialization_token: or(Secret, null),
  unique_serial: MaybeName,
  hardware_brand: MaybeName,
  hardware_model: MaybeName,
  os_name: MaybeName,
  os_version: MaybeName,
  software_brand: MaybeName,
  software_version: MaybeName,
});

/** A device; `tokenUnknown`: the export does not contain its token, so a stored one is kept. */
export type DeviceContent = Stated<'DeviceStated'> & { readonly tokenUnknown: boolean };

/** A device of `devices.json`. */
export const readDevice = reader(Device, (raw, { organizer }: { organizer: string }, findings): DeviceContent => {
  if (!isDeviceProfile(raw.security_profile)) findings.note('device.security_profile');
  const token = raw.api_token || null;
  const { initialized, unique_serial: serial, initialization_token: setUpToken } = raw;
  return {
    organizer,
    device_id: raw.device_id,
    name: raw.name,
    token_hash: token === null ? null : secretHash(token),
    initialized: initialized === undefined ? raw.api_token !== null : Boolean(initialized),
    revoked: raw.revoked,
    all_events: raw.all_events,
    limit_events: raw.limit_events,
    ...(serial === null ? {} : { unique_serial: serial }),
    security_profile: raw.security_profile,
    setup_token_hash: setUpToken === null || setUpToken === '' ? null : secretHash(setUpToken),
    setup_expires: null,
    hardware_brand: raw.hardware_brand,
    hardware_model: raw.hardware_model,
    os_name: raw.os_name,
    os_version: raw.os_version,
    software_brand: raw.software_brand,
    software_version: raw.software_version,
    tokenUnknown: raw.api_token === undefined,
  };
});

const DroidKey = z.object({
  key: FilledSecret,
  checkin_list: Id,
  all_items: FlagOn,
  items: Ids,
  allow_search: FlagOn,
  show_info: FlagOn,
  app: or(text(LIMITS.code), 'pretixdroid'),
});

/** A droid key before it has an id. */
export type DroidKeyContent = Omit<Stated<'DroidKeyStated'>, 'id'>;

/** A key of `droidkeys.json`; its list and products must exist. */
export const readDroidKey = reader(DroidKey, (raw, scope: EventScope, findings): DroidKeyContent => {
  const { known } = scope;
  if (!known.lists.has(raw.checkin_list)) {
    findings.issue('checkin_list', `${raw.checkin_list} is no check-in list of this event`);
  }
  for (const item of raw.items) {
    if (!known.items.has(item)) findings.issue('items', `${item} is no product of this event`);
  }
  return {
    organizer: scope.organizer,
    event: scope.event,
    key_hash: secretHash(raw.key),
    list: raw.checkin_list,
    all_items: raw.all_items,
    items: raw.items,
    allow_search: raw.allow_search,
    show_info: raw.show_info,
    app: raw.app,
    active: true,
  };
});
