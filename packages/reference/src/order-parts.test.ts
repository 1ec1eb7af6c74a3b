import type { ImportOptions, InvalidExport } from './import';
import { importInTest, order, ORDERS, position, type Order } from './import-in-test';
import { PART_BYTES } from './order-parts';

const { folder, reference, run, small } = importInTest();

describe('an order too large for one event', () => {
  const STREAM = 'order-demo/GROUP';
  const group = (more: object = {}) => {
    const positions = Array.from({ length: 600 }, (_, i) =>
      position(i + 10, { item: 1, answers: [{ question: 1, answer: `${'x'.repeat(900)}${i}` }] }),
    );
    return order('GROUP', 0, { positions, ...more });
  };
  type Fact = { hash: string; status: string; part?: object; positions: { id: number }[] };
  const stated = async (): Promise<Fact[]> => (await reference.store.load(STREAM)).map(({ data }) => data as Fact);
  const idsOf = (facts: readonly Fact[]) => facts.flatMap(({ positions }) => positions.map(({ id }) => id));

  /** Fails like a killed process: after so many single appends nothing more is written. */
  function dying(appends: number): ImportOptions['store'] {
    let left = appends;
    return {
      ...reference.store,
      append: (stream, ...rest) =>
        stream !== STREAM || left-- > 0 ? reference.store.append(stream, ...rest) : Promise.reject(new Error('killed')),
    };
  }

  test('is stated in parts, recognised when it comes again, and stated whole when it has changed', async () => {
    small();
    folder.write(ORDERS, [group()]);
    expect((await run()).counts.get('order')).toMatchObject({ new: 1 });
    const first = await stated();
    expect(first.length).toBeGreaterThan(2);
    expect(first.map(({ part }) => part)).toEqual(
      first.map((_, i) => ({ number: i + 1, of: first.length, first: true })),
    );
    expect(idsOf(first)).toEqual(Array.from({ length: 600 }, (_, i) => i + 10));
    for (const data of first) expect(JSON.stringify(data).length).toBeLessThanOrEqual(PART_BYTES);
    expect(await run()).toMatchObject({ events: 0 });

    folder.write(ORDERS, [group({ status: 'c' })]);
    expect((await run()).counts.get('order')).toMatchObject({ new: 0, changed: 1 });
    const second = (await stated()).slice(first.length);
    expect(idsOf(second)).toEqual(idsOf(first));
    expect(second.every(({ status }) => status === 'c')).toBe(true);
    expect(second.at(-1)!.part).toEqual({ number: second.length, of: second.length, first: false });
  });

  test('that was killed between two parts begins anew; that it is its first state is still known', async () => {
    small();
    folder.write(ORDERS, [group()]);
    await expect(run({ store: dying(2) })).rejects.toThrow('killed');
    expect((await stated()).map(({ hash }) => hash)).toEqual(['', '']);
    expect((await run()).counts.get('order')).toMatchObject({ new: 1 });
    const parts = (await stated()).slice(2);
    expect(idsOf(parts)).toHaveLength(600);
    expect(new Set(parts.map(({ part }) => (part as { first: boolean }).first))).toEqual(new Set([true]));
    expect(await run()).toMatchObject({ events: 0 });
  });

  test('that was killed and is small when the import goes on is one event that says what it is', async () => {
    small();
    folder.write(ORDERS, [group()]);
    await expect(run({ store: dying(1) })).rejects.toThrow('killed');
    folder.write(ORDERS, [order('GROUP', 10)]);
    await run();
    expect((await stated()).at(-1)!.part).toEqual({ number: 1, of: 1, first: true });
    expect(await run()).toMatchObject({ events: 0 });
  });

  test('its tickets are known: those that end are counted, and those of another organizer', async () => {
    small();
    folder.write(ORDERS, [group()]);
    await run();
    folder.write(ORDERS, [group({ positions: group().positions.slice(0, 10) })]);
    expect((await run()).warnings).toEqual([
      { count: 590, text: 'tickets are no longer named by their orders and are canceled' },
    ]);
    folder.write(ORDERS, [group()]);
    await run();
    folder.drop();
    small('umbrella/', 1_000);
    folder.edit<Order[]>('umbrella/events/fest/orders.ndjson', ([first]) => [
      { ...first!, positions: [position(12, { item: 1_001 })] },
    ]);
    const error = (await run().catch((thrown: unknown) => thrown)) as InvalidExport;
    expect(error.problems).toEqual([expect.stringContaining('12 of umbrella/fest is an id of demo/fest, too')]);
  });
});
