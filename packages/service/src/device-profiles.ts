/*
 * pretix's device security profiles: what a lost scanner may not be used for. A profile lists routes by method and by
 * pretix's own names for them (`Route.name`); of pretix's lists those are here that some service has.
 */

/** The routes that a device with a restricted profile may use, as `GET event-list`. */
export type AllowList = {
  readonly routes: ReadonlySet<string>;
  /** What it is told at all others. */
  readonly refusal: string;
};

/** What every app reads and says of itself, and how it chooses an event. */
const SET_UP = [
  'GET version',
  'GET device.eventselection',
  'GET device.info',
  'POST device.update',
  'POST device.revoke',
  'POST device.roll',
  'GET event-list',
  'GET event-detail',
  'GET event.settings',
  'GET subevent-list',
  'GET subevent-detail',
  'GET itemcategory-list',
  'GET item-list',
  'GET question-list',
  'GET badgelayout-list',
  'GET badgeitem-list',
  'GET revokedsecrets-list',
  'GET blockedsecrets-list',
  'POST upload',
] as const;

const SCAN = [
  'GET checkinlist-list',
  'GET checkinlist-status',
  'POST checkinlist-failed_checkins',
  'POST checkinlistpos-redeem',
  'POST checkinrpc.redeem',
  'GET checkinrpc.search',
  'POST checkinrpc.annul',
] as const;

const SELL = [
  'GET quota-list',
  'GET order-list',
  'GET order-detail',
  'POST cartposition-list',
  'POST cartposition-bulk-create',
  'DELETE cartposition-detail',
  'GET checkinlist-list',
  'POST checkinlistpos-redeem',
  'POST checkinrpc.redeem',
  'GET checkinrpc.search',
] as const;

/** pretix's own words, as of a route that is not on the list. */
const REFUSAL = 'Request denied by device security profile.';

const allowing = (...routes: readonly string[]): AllowList => ({ routes: new Set(routes), refusal: REFUSAL });

/** Null: everything that devices may. */
const PROFILES = {
  full: null,
  pretixscan: allowing(...SET_UP, ...SCAN, 'GET checkinlistpos-list', 'GET order-list', 'GET reusablemedium-list'),
  /** Keeps no orders on the device. */
  pretixscan_online_noorders: allowing(...SET_UP, ...SCAN, 'GET checkinlistpos-list'),
  /** Nor are tickets searched for by name. */
  pretixscan_online_kiosk: allowing(...SET_UP, ...SCAN),
  pretixpos: allowing(...SET_UP, ...SELL),
} as const satisfies Record<string, AllowList | null>;

export type DeviceProfile = keyof typeof PROFILES;

/** The names of all profiles, the widest first. */
export const DEVICE_PROFILES = Object.keys(PROFILES) as readonly DeviceProfile[];

export const isDeviceProfile = (name: string): name is DeviceProfile => Object.hasOwn(PROFILES, name);

/**
 * What a device with this profile may use; null: everything that devices may. Of a profile that is not known nobody can
 * say what it was to protect, so it allows nothing.
 */
export function allowListOf(profile: string): AllowList | null {
  if (isDeviceProfile(profile)) return PROFILES[profile];
  const refusal = `The security profile of this device is unknown here; known are ${DEVICE_PROFILES.join(', ')}.`;
  return { routes: new Set(), refusal };
}
