import { createToken, listTokens, revoke } from './credentials';
import type { InvalidExport } from './import';
import { importInTest } from './import-in-test';

const { folder, reference, run, newest, small } = importInTest();

describe('credentials', () => {
  const team = (more: object = {}) => ({
    name: 'Scanners',
    all_events: true,
    limit_event_permissions: ['event.orders:checkin'],
    ...more,
  });
  const token = (name: string, more: object = {}) => ({ name, token: `${name}-token`, active: true, ...more });
  const tokens = async () =>
    Object.fromEntries(
      (await listTokens(reference.store)).map(({ fact }) => [fact.name, { id: fact.id, active: fact.active }]),
    );

  beforeEach(() => small());

  test('a token keeps its id, whatever comes before it later', async () => {
    folder.write('teams.json', [team({ tokens: [token('a'), token('b')] })]);
    await run();
    folder.write('teams.json', [team({ tokens: [token('c'), token('b', { active: false }), token('a')] })]);
    await run();
    expect(await tokens()).toEqual({
      a: { id: 1, active: true },
      b: { id: 2, active: false },
      c: { id: 3, active: true },
    });
  });

  test('one that is missing from a later teams.json stays valid, with a warning', async () => {
    folder.write('teams.json', [team({ tokens: [token('a'), token('b')] })]);
    await run();
    folder.write('teams.json', [team({ tokens: [token('a')] })]);
    const warning = { count: 1, text: 'token is missing from teams.json and stays valid: b (demo)' };
    expect(await run()).toMatchObject({ events: 0, warnings: [warning] });
    expect((await tokens())['b']).toEqual({ id: 2, active: true });
    folder.remove('teams.json');
    expect((await run()).warnings).toEqual([]);
  });

  test('one that was revoked here is not revived, neither by the same folder nor by a changed team', async () => {
    folder.write('teams.json', [team({ tokens: [token('a')] })]);
    await run();
    expect(await revoke(reference.store, 'TokenStated', 'token-1')).toBe('ended');
    expect(await run()).toMatchObject({ events: 0 });
    folder.write('teams.json', [team({ can_view_orders: true, tokens: [token('a')] })]);
    expect(await run()).toMatchObject({
      events: 0,
      warnings: [{ count: 1, text: 'token was revoked here and stays revoked' }],
    });
    expect(await tokens()).toEqual({ a: { id: 1, active: false } });
  });

  test('ids of tokens that were made here are out of the way', async () => {
    await run();
    const scope = { all_events: true, limit_events: [] };
    await createToken(reference.store, { organizer: 'demo', name: 'ours', permissions: ['can_view_orders'], ...scope });
    folder.write('teams.json', [team({ tokens: [token('a')] })]);
    expect((await run()).warnings).toEqual([]);
    expect(await tokens()).toEqual({ ours: { id: 1_000_000_000, active: true }, a: { id: 1, active: true } });
  });

  test('one token in two teams, or in two organizers, is an error that does not show it', async () => {
    folder.write('teams.json', [team({ tokens: [token('a')] }), team({ tokens: [token('b'), token('a')] })]);
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    expect(error.problems).toEqual(['teams.json[1] tokens[1].token: the same one is in teams.json[0], too']);
  });

  test('a device keeps its token when a later export does not say it again', async () => {
    folder.write('devices.json', [
      { device_id: 1, name: 'Gate 1', initialized: '2026-11-21T03:00:00Z', api_token: 'hush' },
    ]);
    await run();
    folder.write('devices.json', [{ device_id: 1, name: 'Gate 2', initialized: '2026-11-21T03:00:00Z' }]);
    const before = await newest('device-demo/1');
    expect((await run()).warnings).toEqual([
      { count: 1, text: 'device has no "api_token" in the folder and keeps the one it had' },
    ]);
    expect(await newest('device-demo/1')).toMatchObject({
      name: 'Gate 2',
      token_hash: before['token_hash'],
      initialized: true,
    });
  });

  test('droid keys belong to a list of their event', async () => {
    folder.write('events/fest/droidkeys.json', [
      { key: 'k1', checkin_list: 1 },
      { key: 'k2', checkin_list: 2 },
    ]);
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    expect(error.problems).toEqual(['events/fest/droidkeys.json[1] checkin_list: 2 is no check-in list of this event']);
    folder.write('events/fest/droidkeys.json', [{ key: 'k1', checkin_list: 1 }]);
    await run();
    expect(await newest('droidkey-1')).toMatchObject({ event: 'fest', list: 1, active: true });
    expect((await run()).events).toBe(0);
  });
});
