import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import {
  CannotDo,
  createDevice,
  createDroidKey,
  createToken,
  deviceSetUp,
  droidSetUp,
  endCredential,
  listDevices,
  listDroidKeys,
  listTokens,
  revoke,
  SET_UP_DAYS,
  stateCredential,
  type CredentialEvent,
} from './credentials';
import { importFolder } from './import';
import { secretHash } from './raw';
import { exportFolder, referenceStoreAt } from './testing';

const fact = {
  import: 2,
  hash: 'h2',
  organizer: 'demo',
  id: 3,
  name: 'n',
  token_hash: 't',
  active: true,
  permissions: [],
  all_events: true,
  limit_events: [],
};
const stated = (more: object = {}): CredentialEvent => ({ type: 'TokenStated', data: { ...fact, ...more } });

describe('decisions', () => {
  test('what is unchanged writes nothing, what is changed its whole new state', () => {
    expect(stateCredential(stated())(undefined)).toEqual({ result: 'new', events: [stated()] });
    expect(stateCredential(stated({ import: 3 }))(fact)).toEqual({ result: 'unchanged', events: [] });
    const changed = stated({ import: 3, hash: 'h3' });
    expect(stateCredential(changed)(fact)).toEqual({ result: 'changed', events: [changed] });
  });
  test('what was ended by command stays ended; what an import ended, an import may revive', () => {
    const again = stated({ import: 3, hash: 'h3' });
    expect(stateCredential(again)({ ...fact, import: 0, active: false })).toEqual({ result: 'ended', events: [] });
    expect(stateCredential(again)({ ...fact, active: false })).toEqual({ result: 'changed', events: [again] });
  });
  test('ending keeps the hash and happens once', () => {
    const { result, events } = endCredential('TokenStated')(fact);
    expect([result, events]).toEqual(['ended', [stated({ import: 0, active: false })]]);
    expect(endCredential('TokenStated')(events[0]!.data)).toEqual({ result: 'was ended', events: [] });
    expect(endCredential('TokenStated')(undefined)).toEqual({ result: 'unknown', events: [] });
  });
  test('ending what an import had ended makes it final', () => {
    const { result, events } = endCredential('TokenStated')({ ...fact, active: false });
    expect([result, events]).toEqual(['was ended', [stated({ import: 0, active: false })]]);
  });
});

describe('commands', () => {
  let database: TestDatabase;
  let reference: Awaited<ReturnType<typeof referenceStoreAt>>;
  const everywhere = { all_events: true, limit_events: [] };

  beforeAll(async () => {
    database = await testDatabase();
    reference = await referenceStoreAt(database.url);
    const folder = exportFolder();
    folder.write('organizer.json', { slug: 'demo', name: 'Demo' });
    folder.write('events/fest/event.json', { name: 'Fest' });
    folder.write('events/fest/items.json', [{ id: 1, name: 'Pass' }]);
    folder.write('events/fest/checkinlists.json', [{ id: 1, name: 'Gate' }]);
    folder.write('events/tours/event.json', { name: 'Tours', has_subevents: true });
    folder.write('events/tours/subevents.json', [{ id: 7, name: 'Friday', date_from: '2027-07-16T12:00:00Z' }]);
    folder.write('events/tours/checkinlists.json', [
      { id: 2, name: 'Friday', subevent: 7 },
      { id: 3, name: 'All' },
    ]);
    await importFolder({ ...reference, folder: folder.path });
    folder.drop();
  });
  afterAll(async () => {
    await reference.close();
    await database.drop();
  });

  test('a token is made once, kept as a hash, and revoked for good', async () => {
    const wish = { organizer: 'demo', name: 'app', permissions: ['can_view_orders' as const], ...everywhere };
    const made = await createToken(reference.store, wish);
    expect(made.secret).toMatch(/^[a-z0-9]{64}$/);
    const [listed] = await listTokens(reference.store);
    expect(listed!.fact).toMatchObject({
      ...wish,
      id: made.id,
      active: true,
      token_hash: secretHash(made.secret),
      import: 0,
    });
    expect(await revoke(reference.store, 'TokenStated', `token-${made.id}`)).toBe('ended');
    expect(await revoke(reference.store, 'TokenStated', `token-${made.id}`)).toBe('was ended');
    expect(await revoke(reference.store, 'TokenStated', 'token-4711')).toBe('unknown');
    expect(await reference.store.load(`token-${made.id}`)).toHaveLength(2);
  });

  test('devices made at once get different ids, from Gatehouse’s own upwards', async () => {
    const made = await Promise.all(
      ['a', 'b', 'c'].map((name) => createDevice(reference.store, { organizer: 'demo', name, ...everywhere })),
    );
    expect(made.map(({ id }) => id).sort()).toEqual([1_000_000_000, 1_000_000_001, 1_000_000_002]);
    const devices = await listDevices(reference.store);
    expect(devices.map(({ fact }) => [fact.initialized, fact.revoked, fact.token_hash])).toEqual(
      Array(3).fill([false, false, null]),
    );
    expect(new Set(devices.map(({ fact }) => fact.unique_serial)).size).toBe(3);
    for (const { id, setUpToken, expires } of made) {
      const { fact } = devices.find((device) => device.fact.device_id === id)!;
      expect(fact).toMatchObject({ setup_token_hash: secretHash(setUpToken), setup_expires: expires });
      expect(Date.parse(expires) - Date.now()).toBeGreaterThan((SET_UP_DAYS - 1) * 86_400_000);
    }
    expect(deviceSetUp({ baseUrl: 'https://gate.example.org/', setUpToken: 'abc' })).toEqual({
      handshake_version: 1,
      url: 'https://gate.example.org',
      token: 'abc',
    });
  });

  const wish = (event: string, list: number, items: number[] = []) => ({
    organizer: 'demo',
    event,
    list,
    all_items: items.length === 0,
    items,
    allow_search: true,
    show_info: false,
    app: 'pretixdroid',
  });

  test('a droid key and what its app is set up with', async () => {
    const { id, secret, subevent } = await createDroidKey(reference.store, wish('fest', 1, [1]), null);
    expect(secret).toMatch(/^[A-Za-z0-9]{32}$/);
    expect((await listDroidKeys(reference.store)).map(({ fact: key }) => [key.id, key.key_hash])).toEqual([
      [id, secretHash(secret)],
    ]);
    expect(droidSetUp({ ...wish('fest', 1), baseUrl: 'https://gate.example.org/', secret, subevent })).toEqual({
      version: 3,
      url: 'https://gate.example.org/pretixdroid/api/demo/fest/',
      key: secret,
      allow_search: true,
      show_info: false,
    });
  });

  test('in a series the date is the list’s, else it must be chosen', async () => {
    expect(await createDroidKey(reference.store, wish('tours', 2), null)).toMatchObject({ subevent: 7 });
    expect(await createDroidKey(reference.store, wish('tours', 3), 7)).toMatchObject({ subevent: 7 });
    const set = droidSetUp({ ...wish('tours', 3), baseUrl: 'http://x', secret: 'k', subevent: 7 });
    expect(set.url).toBe('http://x/pretixdroid/api/demo/tours/7/');
    await expect(createDroidKey(reference.store, wish('tours', 3), null)).rejects.toThrow('name it with --date');
    await expect(createDroidKey(reference.store, wish('tours', 2), 8)).rejects.toThrow('list 2 is for date 7');
    await expect(createDroidKey(reference.store, wish('tours', 3), 8)).rejects.toThrow('tours has no date 8');
    await expect(createDroidKey(reference.store, wish('fest', 1), 7)).rejects.toThrow('fest is not a series');
  });

  test('what is not there is told in words, with what there is', async () => {
    const token = { name: 'x', permissions: [], all_events: false };
    await expect(createToken(reference.store, { ...token, organizer: 'nobody', limit_events: [] })).rejects.toThrow(
      'there is no organizer nobody; known are: demo',
    );
    await expect(
      createToken(reference.store, { ...token, organizer: 'demo', limit_events: ['fest', 'gone'] }),
    ).rejects.toThrow('demo has no event gone; known are: fest, tours');
    await expect(createDroidKey(reference.store, wish('fest', 2), null)).rejects.toThrow(
      'fest has no check-in list 2; it has 1 (Gate)',
    );
    await expect(createDroidKey(reference.store, wish('tours', 1), null)).rejects.toThrow(
      'tours has no check-in list 1; it has 2 (',
    );
    await expect(createDroidKey(reference.store, wish('fest', 1, [9]), null)).rejects.toThrow(CannotDo);
    await expect(createDroidKey(reference.store, wish('fest', 1, [9]), null)).rejects.toThrow('fest has no product 9');
  });

  test('a name is trimmed, and one that lists cannot show is refused', async () => {
    const wanted = { organizer: 'demo', permissions: [], all_events: true, limit_events: [] };
    for (const name of ['', ' \n', 'x'.repeat(256), 'a\0b', '\ud800']) {
      await expect(createToken(reference.store, { ...wanted, name })).rejects.toThrow(CannotDo);
      await expect(createDevice(reference.store, { ...wanted, name })).rejects.toThrow(CannotDo);
    }
    await createToken(reference.store, { ...wanted, name: ` ${'😀'.repeat(255)}\n` });
    expect((await listTokens(reference.store)).map(({ fact: { name } }) => name)).toContain('😀'.repeat(255));
  });
});
