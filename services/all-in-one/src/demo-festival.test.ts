import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { importFolder } from '@gatehouse/reference/import';
import { referenceStoreAt } from '@gatehouse/reference/testing';
import { testDatabase } from '@gatehouse/test-support/postgres';
import { demoFestival } from './demo-festival';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(path.join(tmpdir(), 'gatehouse-demo-'));
});
afterEach(() => rm(parent, { recursive: true }));

async function contents(folder: string): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  const read = files.map(async (file) => [path.relative(folder, file), await readFile(file, 'utf8')] as const);
  return new Map(await Promise.all(read));
}

describe('the demo festival', () => {
  it('is the same everywhere but for its credentials', async () => {
    const one = await demoFestival(path.join(parent, 'one'));
    const other = await demoFestival(path.join(parent, 'other'));
    expect(other.secret).toBe(one.secret);
    expect(other.token).not.toBe(one.token);
    const [a, b] = [await contents(path.join(parent, 'one')), await contents(path.join(parent, 'other'))];
    const different = [...a.keys()].filter((name) => a.get(name) !== b.get(name));
    expect(different.sort()).toEqual([
      'credentials.json',
      'devices.json',
      'events/city-tours/droidkeys.json',
      'events/summer-nights/droidkeys.json',
      'teams.json',
    ]);
  });

  it('keeps its credentials, for its owner only', async () => {
    const folder = path.join(parent, 'one');
    const first = await demoFestival(folder);
    expect(await demoFestival(folder)).toEqual(first);
    for (const name of ['credentials.json', 'teams.json', 'devices.json', 'events/summer-nights/droidkeys.json']) {
      expect((await stat(path.join(folder, name))).mode & 0o777).toBe(0o600);
    }
  });

  it('names no product to reserve or to print where an earlier release has written the folder', async () => {
    const folder = path.join(parent, 'one');
    const { boat, printed, event } = await demoFestival(folder);
    const file = path.join(folder, 'events', event, 'items.json');
    const items = JSON.parse(await readFile(file, 'utf8')) as { id: number }[];
    expect(items.map(({ id }) => id)).toContain(boat?.item);
    await writeFile(file, JSON.stringify(items.filter(({ id }) => id !== boat?.item)));
    const layouts = path.join(folder, 'events', event, 'ticketlayouts.json');
    expect(JSON.parse(await readFile(layouts, 'utf8'))).toMatchObject([{ id: printed?.layout }]);
    await rm(layouts);
    expect(await demoFestival(folder)).toMatchObject({ boat: undefined, printed: undefined });
  });

  it('names a paid ticket that was never scanned as its sample', async () => {
    const { secret, event } = await demoFestival(path.join(parent, 'one'));
    const orders = await readFile(path.join(parent, 'one', 'events', event, 'orders.ndjson'), 'utf8');
    const order = JSON.parse(orders.split('\n').find((line) => line.includes(secret)) ?? '') as Record<string, unknown>;
    expect(order).toMatchObject({ status: 'p', positions: [{ secret, canceled: false, checkins: [], answers: [] }] });
  });

  it('is imported without a complaint', async () => {
    const folder = path.join(parent, 'one');
    await demoFestival(folder);
    const database = await testDatabase();
    const { store, pool, close } = await referenceStoreAt(database.url);
    const report = await importFolder({ store, pool, folder });
    expect(report).toMatchObject({ problems: [], warnings: [], notEnforced: [], positions: 1999 });
    await close();
    await database.drop();
  });
});
