import type { DeviceFact } from '@gatehouse/events/reference';
import { stateCredential } from './credentials';
import { keepOwn, revokeItself, rollToken, setUp, updateApp, type AppInfo } from './devices';

const fact: DeviceFact = {
  import: 3,
  hash: 'h3',
  organizer: 'demo',
  device_id: 12,
  name: 'Gate 3',
  token_hash: null,
  initialized: false,
  revoked: false,
  all_events: true,
  limit_events: [],
  setup_token_hash: 'setup',
  setup_expires: '2027-07-08T12:00:00Z',
};
const app: AppInfo = {
  hardware_brand: 'Zebra',
  hardware_model: 'TC26',
  os_name: null,
  os_version: null,
  software_brand: 'pretixSCAN',
  software_version: '2',
};
const by = { setUpTokenHash: 'setup', apiTokenHash: 'api', serial: 'SERIAL', now: '2027-07-08T11:59:59Z' };
const stated = (data: DeviceFact) => ({ type: 'DeviceStated', data }) as const;
const done: DeviceFact = {
  ...fact,
  ...app,
  import: 0,
  unique_serial: 'SERIAL',
  token_hash: 'api',
  initialized: true,
  own_token: true,
};

describe('setting up', () => {
  test('states the whole device; the hash of its import stays', () => {
    expect(setUp(app, by)(fact)).toEqual({ result: done, events: [stated(done)] });
  });
  test('keeps a serial number that is known', () => {
    const { result } = setUp(app, by)({ ...fact, unique_serial: 'OURS' });
    expect(result).toMatchObject({ unique_serial: 'OURS' });
  });
  test.each<[why: string, known: DeviceFact | undefined]>([
    ['unknown', undefined],
    ['unknown', { ...fact, setup_token_hash: 'other' }],
    ['unknown', { ...fact, setup_token_hash: null }],
    ['used', done],
    ['used', { ...done, revoked: true, setup_expires: '2000-01-01T00:00:00Z' }],
    ['revoked', { ...fact, revoked: true, setup_expires: '2000-01-01T00:00:00Z' }],
    ['expired', { ...fact, setup_expires: by.now }],
  ])('%s: writes nothing', (why, known) => {
    expect(setUp(app, by)(known)).toEqual({ result: why, events: [] });
  });
  test('a token of the shop does not expire', () => {
    const { setup_expires: _, ...imported } = fact;
    for (const known of [imported, { ...fact, setup_expires: null }]) {
      expect(setUp(app, { ...by, now: '2099-01-01T00:00:00Z' })(known).events).toHaveLength(1);
    }
  });
});

describe('what a device changes of itself', () => {
  test('only with its present token, and not when it is revoked', () => {
    for (const decide of [updateApp(app, 'old'), rollToken('new', 'old'), revokeItself('old')]) {
      expect(decide(done)).toEqual({ result: 'unknown', events: [] });
      expect(decide(undefined)).toEqual({ result: 'unknown', events: [] });
    }
    for (const decide of [updateApp(app, 'api'), rollToken('new', 'api'), revokeItself('api')]) {
      expect(decide({ ...done, revoked: true })).toEqual({ result: 'revoked', events: [] });
    }
  });
  test('the same again writes nothing', () => {
    expect(updateApp(app, 'api')(done)).toEqual({ result: done, events: [] });
    const newer = { ...done, software_version: '3' };
    expect(updateApp({ ...app, software_version: '3' }, 'api')(done)).toEqual({
      result: newer,
      events: [stated(newer)],
    });
  });
});

describe('a later import', () => {
  const export_ = { ...fact, import: 4, hash: 'h4', name: 'Gate 4', all_events: false, limit_events: ['openair'] };
  test('changes name and events of a device that was set up here, and keeps the rest', () => {
    const kept = { ...done, import: 4, hash: 'h4', name: 'Gate 4', all_events: false, limit_events: ['openair'] };
    expect(keepOwn(stated(export_), done)).toEqual(stated(kept));
    expect(stateCredential(stated(export_))(done)).toEqual({ result: 'changed', events: [stated(kept)] });
  });
  test('does not bring back a token that was rolled here', () => {
    const imported = { ...fact, token_hash: 'shop', initialized: true };
    const { events } = rollToken('new', 'shop')(imported);
    const again = stateCredential(stated({ ...imported, import: 4, hash: 'h4', name: 'Gate 4' }))(events[0]!.data);
    expect(again.events[0]!.data).toMatchObject({ token_hash: 'new', name: 'Gate 4' });
  });
  test('ends it, and never revives one that has ended itself', () => {
    expect(keepOwn(stated({ ...export_, revoked: true }), done).data.revoked).toBe(true);
    const { events } = revokeItself('api')(done);
    expect(stateCredential(stated(export_))(events[0]!.data)).toEqual({ result: 'ended', events: [] });
  });
  test('states one that was set up in the shop as the shop does', () => {
    const imported = { ...fact, token_hash: 'shop', initialized: true };
    expect(keepOwn(stated(export_), imported)).toEqual(stated(export_));
  });
});
