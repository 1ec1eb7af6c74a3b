import type { ImportOptions } from './import';
import { importInTest, order, ORDERS, position } from './import-in-test';

const { folder, reference, run, small } = importInTest();

describe('a position that moves', () => {
  test('may be named by two orders; that is told', async () => {
    small();
    folder.write(ORDERS, [order('AAAAA', 1), order('BBBBB', 1)]);
    expect((await run()).warnings).toEqual([
      { count: 1, text: 'position is named by two orders; it belongs to the last one' },
    ]);
  });
});

describe('what an import says of tickets', () => {
  const ENDED = { count: 1, text: 'ticket is no longer named by its order and is canceled' };
  const two = { positions: [position(1), position(3, { item: 1 })] };

  test('those that end are told, whether another order has taken one long ago or takes it now', async () => {
    small();
    folder.write(ORDERS, [order('AAAAA', 1, two), order('BBBBB', 2)]);
    await run();
    folder.write(ORDERS, [order('CCCCC', 3, { positions: [position(3, { item: 1 })] })]);
    expect((await run()).warnings).toEqual([]);
    folder.write(ORDERS, [order('AAAAA', 0, { positions: [] })]);
    expect((await run()).warnings).toEqual([ENDED]);
  });

  test('of a history that is older than the table, too', async () => {
    small();
    folder.write(ORDERS, [order('AAAAA', 1, two), order('BBBBB', 2)]);
    await run();
    await reference.pool.query('truncate positions, positions_complete');
    folder.write(ORDERS, [
      order('AAAAA', 1),
      order('CCCCC', 4, { positions: [position(4, { item: 1, secret: 's2' })] }),
    ]);
    expect((await run()).warnings).toEqual([
      ENDED,
      {
        count: 1,
        text: expect.stringMatching(/^pair of tickets has one secret; .*: 2 \(BBBBB\) and 4 \(CCCCC\)$/) as string,
      },
    ]);
  });

  test('an import that was killed tells it when it is finished', async () => {
    small();
    folder.write(ORDERS, [order('AAAAA', 1, two), order('BBBBB', 2)]);
    await run();
    folder.write(ORDERS, [order('AAAAA', 1)]);
    const store: ImportOptions['store'] = {
      ...reference.store,
      appendMany: (appends) =>
        appends.some(({ stream }) => stream.startsWith('order-'))
          ? Promise.reject(new Error('killed'))
          : reference.store.appendMany(appends),
    };
    await expect(run({ store })).rejects.toThrow('killed');
    expect((await run()).warnings).toEqual([ENDED]);
  });
});
