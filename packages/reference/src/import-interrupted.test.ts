import { WrongRevision } from '@gatehouse/eventing/event-store';
import { writeFestival } from './festival';
import { ImportRunning, type ImportOptions } from './import';
import { importInTest } from './import-in-test';

const { folder, reference, run, events, small } = importInTest();

describe('interrupted and simultaneous imports', () => {
  /** Fails like a killed process: after so many groups nothing more is written. */
  function dying(groups: number): ImportOptions['store'] {
    let left = groups;
    return {
      ...reference.store,
      appendMany: (appends) => (left-- > 0 ? reference.store.appendMany(appends) : Promise.reject(new Error('killed'))),
    };
  }

  test('a killed import is finished by running it again, under its old number', async () => {
    writeFestival(folder, 1_200);
    await expect(run({ store: dying(2) })).rejects.toThrow('killed');
    const half = await events();
    expect(half).toBeGreaterThan(200);
    const report = await run();
    // An order must not find a list of its own import as an older one: it would be checked in automatically.
    expect(report.import).toBe(1);
    expect(report.counts.get('order')!.unchanged).toBeGreaterThan(0);
    const { rows } = await reference.pool.query<{ import: number; count: number }>(
      `select (data ->> 'import')::int as import, count(*)::int from events where stream like 'order-%' group by 1`,
    );
    expect(rows).toEqual([{ import: 1, count: 600 }]);
    expect((await run()).events).toBe(0);
    folder.write('organizer.json', { slug: 'big', name: 'Bigger' });
    expect((await run()).import).toBe(2);
  });

  test('says what has gone wrong, not what follows from it', async () => {
    writeFestival(folder, 1_200);
    await expect(run({ store: dying(0) })).rejects.toThrow('killed');
  });

  test('a second import at the same time is refused, and says why', async () => {
    writeFestival(folder, 400);
    let second: Promise<unknown> | undefined;
    await run({ onProgress: () => void (second ??= run().catch((error: unknown) => error)) });
    expect(await second).toBeInstanceOf(ImportRunning);
    expect(await run()).toMatchObject({ events: 0 });
  });

  test('a stream that somebody else wrote to meanwhile is looked at again', async () => {
    small();
    let raced = false;
    const store: ImportOptions['store'] = {
      ...reference.store,
      async appendMany(appends) {
        if (raced) return reference.store.appendMany(appends);
        raced = true;
        const [first, ...rest] = await reference.store.appendMany(appends);
        expect(first).not.toBeInstanceOf(WrongRevision);
        return [new WrongRevision(appends[0]!.stream, 0, 1), ...rest];
      },
    };
    await run({ store });
    expect(await reference.store.load('organizer-demo')).toHaveLength(1);
    expect((await run()).events).toBe(0);
  });
});
