import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { DEVICE_PROFILES, type DeviceProfile } from '@gatehouse/service/device-profiles';
import { DEVICES, festival, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { sync } from '@gatehouse/sync-service/service';

/*
 * Device security profiles (contract §1.3): which routes a device with each of pretix's profiles may use, by pretix's own lists
 * (clients.md §2 and its `devicesecurity.py`). A row names the profiles beside `full`.
 */

const DENIED = { detail: 'Request denied by device security profile.' };
const ORGANIZER = '/api/v1/organizers/demo/';
const LIST = `${OPENAIR}checkinlists/${LISTS.main}/`;
const UNKNOWN = 'doorbell';

type Row = readonly [route: string, target: string, may: readonly DeviceProfile[]];
const SCANNERS = ['pretixscan', 'pretixscan_online_noorders', 'pretixscan_online_kiosk'] as const;
const ALL = [...SCANNERS, 'pretixpos'] as const;
const SEARCHING = ['pretixscan', 'pretixscan_online_noorders'] as const;

const ROUTES: readonly Row[] = [
  ['GET api-root', '/api/v1/', []],
  ['GET version', '/api/v1/version', ALL],
  ['GET device.info', '/api/v1/device/info', ALL],
  ['GET device.eventselection', '/api/v1/device/eventselection', ALL],
  ['POST device.update', '/api/v1/device/update', ALL],
  ['POST upload', '/api/v1/upload', ALL],
  ['GET event-list', `${ORGANIZER}events/`, ALL],
  ['GET event-detail', OPENAIR, ALL],
  ['GET event.settings', `${OPENAIR}settings/`, ALL],
  ['GET subevent-list of the organizer', `${ORGANIZER}subevents/`, ALL],
  ['GET subevent-list', `${OPENAIR}subevents/`, ALL],
  ['GET subevent-detail', `${OPENAIR}subevents/1/`, ALL],
  ['GET itemcategory-list', `${OPENAIR}categories/`, ALL],
  ['GET itemcategory-detail', `${OPENAIR}categories/1/`, []],
  ['GET item-list', `${OPENAIR}items/`, ALL],
  ['GET item-detail', `${OPENAIR}items/1/`, []],
  ['GET question-list', `${OPENAIR}questions/`, ALL],
  ['GET badgelayout-list', `${OPENAIR}badgelayouts/`, ALL],
  ['GET badgeitem-list', `${OPENAIR}badgeitems/`, ALL],
  ['GET revokedsecrets-list', `${OPENAIR}revokedsecrets/`, ALL],
  ['GET blockedsecrets-list', `${OPENAIR}blockedsecrets/`, ALL],
  ['GET reusablemedium-list', `${ORGANIZER}reusablemedia/`, ['pretixscan']],
  ['GET order-list', `${OPENAIR}orders/`, ['pretixscan', 'pretixpos']],
  ['GET order-detail', `${OPENAIR}orders/NONE1/`, ['pretixpos']],
  ['GET checkinlist-list', `${OPENAIR}checkinlists/`, ALL],
  ['POST checkinlist-list', `${OPENAIR}checkinlists/`, []],
  ['GET checkinlist-detail', LIST, []],
  ['DELETE checkinlist-detail', LIST, []],
  ['GET checkinlist-status', `${LIST}status/`, SCANNERS],
  ['POST checkinlist-failed_checkins', `${LIST}failed_checkins/`, SCANNERS],
  ['GET checkinlistpos-list', `${LIST}positions/`, SEARCHING],
  ['GET checkinlistpos-detail', `${LIST}positions/1/`, []],
  ['POST checkinlistpos-redeem', `${LIST}positions/nobody/redeem/`, ALL],
  ['GET checkinlistpos-redeem', `${LIST}positions/nobody/redeem/`, []],
  ['GET orderposition-download', `${OPENAIR}orderpositions/1/download/pdf/`, []],
  ['GET quota-list', `${OPENAIR}quotas/`, ['pretixpos']],
  ['GET quota-detail', `${OPENAIR}quotas/1/`, []],
  ['GET quota-availability', `${OPENAIR}quotas/1/availability/`, []],
  ['GET cartposition-list', `${OPENAIR}cartpositions/`, []],
  ['POST cartposition-list', `${OPENAIR}cartpositions/`, ['pretixpos']],
  ['POST cartposition-bulk-create', `${OPENAIR}cartpositions/bulk_create/`, ['pretixpos']],
  ['GET cartposition-detail', `${OPENAIR}cartpositions/1/`, []],
  ['DELETE cartposition-detail', `${OPENAIR}cartpositions/1/`, ['pretixpos']],
  ['GET offlinesalesbatch-list', `${OPENAIR}offlinesalesbatches/`, []],
  ['POST offlinesalesbatch-list', `${OPENAIR}offlinesalesbatches/`, []],
  ['GET offlinesalesbatch-detail', `${OPENAIR}offlinesalesbatches/1/`, []],
  ['POST offlinesalesbatch-render', `${OPENAIR}offlinesalesbatches/1/render/`, []],
  // pretix lists methods one by one, and neither of these.
  ['HEAD checkinlist-list', `${OPENAIR}checkinlists/`, []],
  ['OPTIONS checkinlist-list', `${OPENAIR}checkinlists/`, []],
];

const PROFILES = [...DEVICE_PROFILES, UNKNOWN];
const tokenOf = (profile: string): string => `profile-${profile}`;
const as = (profile: string) => ({ headers: { authorization: `Device ${tokenOf(profile)}` } });

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, cart, offlineSales, reference, sync]);
  const files = festival();
  const devices = PROFILES.map((profile, n) => ({
    ...{ device_id: 20 + n, name: profile, all_events: true, limit_events: [], revoked: false },
    ...{ initialized: '2027-05-01T08:00:00Z', api_token: tokenOf(profile), security_profile: profile },
  }));
  const known = files['demo/devices.json'] as object[];
  const report = await system.import({ ...files, 'demo/devices.json': [...known, ...devices] });
  expect(report.notEnforced.map(({ text }) => text)).toContain(
    'device has a security profile that is not known here; it may use nothing',
  );
});
afterAll(() => system.close());

describe.each(PROFILES)('contract §1.3 a device with the profile %s', (profile) => {
  test.each(ROUTES)('%s', async (route, target, may) => {
    const method = route.slice(0, route.indexOf(' '));
    const json = method === 'POST' ? {} : undefined;
    const answer = await system.call(method, target, { ...as(profile), json });
    if (profile === 'full' || may.some((each) => each === profile)) {
      expect(answer.status).not.toBe(401);
      expect(answer.body).not.toEqual(DENIED);
    } else {
      expect(answer.status).toBe(403);
      if (profile !== UNKNOWN && method !== 'HEAD') expect(answer.text).toBe(JSON.stringify(DENIED));
    }
  });
});

test('contract §1.3 a profile that nobody knows allows nothing, and says which are known', async () => {
  for (const target of ['/api/v1/device/info', OPENAIR, `${LIST}positions/nobody/redeem/`]) {
    expect(await system.call(target.endsWith('redeem/') ? 'POST' : 'GET', target, as(UNKNOWN))).toMatchObject({
      status: 403,
      body: {
        detail: `The security profile of this device is unknown here; known are ${DEVICE_PROFILES.join(', ')}.`,
      },
    });
  }
});

test('contract §1.3 a redeem with an idempotency key, which is answered elsewhere, is refused alike', async () => {
  const headers = { ...as(UNKNOWN).headers, 'x-idempotency-key': 'profiles' };
  const answer = await system.call('POST', `${LIST}positions/nobody/redeem/`, { headers, json: {} });
  expect(answer).toMatchObject({ status: 403, body: { detail: expect.stringContaining('unknown here') as string } });
});

test('contract §1.3 the profile comes before the permission, and tokens have none', async () => {
  const elsewhere = OPENAIR.replace('openair', 'nothere');
  expect(await system.call('GET', `${elsewhere}quotas/`, as('pretixscan'))).toMatchObject({
    status: 403,
    body: DENIED,
  });
  const headers = { authorization: `Token ${TOKENS.admin}` };
  expect(await system.call('GET', `${OPENAIR}quotas/`, { headers })).toMatchObject({ status: 200 });
  const gate = { headers: { authorization: `Device ${DEVICES.gate}` } };
  expect(await system.call('GET', `${OPENAIR}quotas/`, gate)).toMatchObject({ status: 200 });
});

test.each(DEVICE_PROFILES)(
  'contract §1.2 a device with the profile %s may replace its token, and end',
  async (profile) => {
    const rolled = await system.call('POST', '/api/v1/device/roll', as(profile));
    expect(rolled).toMatchObject({ status: 200, body: { security_profile: profile } });
    const { api_token: token } = rolled.body as { api_token: string };
    const headers = { authorization: `Device ${token}` };
    expect(await system.call('POST', '/api/v1/device/revoke', { headers })).toMatchObject({ status: 200 });
  },
);
