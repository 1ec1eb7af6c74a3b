import path from 'node:path';
import { objectOf } from '@gatehouse/events/given';
import { reference as events, type OrderFact } from '@gatehouse/events/reference';
import { importInTest, order, ORDERS, position, type Order } from './import-in-test';
import { wholeOrder } from './order-parts';
import { exportFolder } from './testing';
import { importFolder } from './import';

const REAL = path.resolve(__dirname, '../../../test/fixtures/pretix-export');

const { folder, reference, run, small, newest } = importInTest();

type Listed = { id: number };
type RealOrder = { code: string; positions: object[] };

describe('facts keep what the shop sent (issue 14)', () => {
  test('every object of a real export can be given back, field by field', async () => {
    await importFolder({ ...reference, folder: REAL });
    const real = exportFolder(REAL);
    try {
      for (const event of ['openair', 'tours']) {
        const at = (name: string) => real.read(`events/${event}/${name}`);
        const fact = await newest(`event-demo/${event}`);
        expect(objectOf(fact)).toEqual({ ...objectOf(fact), ...(at('event.json') as object) });
        expect(fact['given_settings']).toEqual(at('settings.json'));
        for (const [file, stream] of LISTS) {
          for (const object of at(`${file}.json`) as Listed[]) {
            const prefix = file === 'blockedsecrets' ? `${stream}-demo/${event}/` : `${stream}-`;
            expect(objectOf(await newest(`${prefix}${object.id}`))).toEqual(object);
          }
        }
        for (const sent of at('orders.ndjson') as RealOrder[]) {
          const data = (await newest(`order-demo/${sent.code}`)) as unknown as OrderFact;
          expect(whole(data)).toEqual(sent);
          // Orders are appended as they were spooled.
          expect(events.write({ type: 'OrderStated', data }).data).toEqual(data);
        }
      }
    } finally {
      real.drop();
    }
  });

  test('an order that is stated in parts', async () => {
    small();
    const positions = Array.from({ length: 3_000 }, (_, i) =>
      position(i + 10, { item: 1, positionid: i + 1, plugin_data: { note: `kept ${i}`.padEnd(100, '.') } }),
    );
    folder.edit<Order[]>(ORDERS, (orders) => [...orders, order('BIGBI', 3, { positions, comment: 'many' })]);
    await run();
    const stored = (await reference.store.load('order-demo/BIGBI')).at(-1)!;
    expect(stored.revision).toBeGreaterThan(0);
    const fact = await wholeOrder(reference.store, stored);
    expect(whole(fact!)).toMatchObject({ comment: 'many', positions });
  });

  test('what the reader takes for absent is given back as it was', async () => {
    small();
    folder.edit<Order[]>(ORDERS, ([first]) => [{ ...first!, invoice_address: [], email: '' } as unknown as Order]);
    await run();
    const fact = (await newest('order-demo/AAAAA')) as unknown as OrderFact;
    expect(fact.invoice_address).toBeNull();
    expect(whole(fact)).toMatchObject({ invoice_address: [], email: '' });
  });

  test('keys of an object that facts use for something else', async () => {
    small();
    folder.edit<object[]>('events/fest/items.json', ([first]) => [
      { ...first, given: 1, hash: 2, import: 3, event: 4, kind: 5, settings: 6 },
    ]);
    folder.write(ORDERS, []);
    await run();
    expect(objectOf(await newest('item-1'))).toMatchObject({
      given: 1,
      hash: 2,
      import: 3,
      event: 4,
      kind: 5,
      settings: 6,
    });
  });
});

const LISTS = [
  ['subevents', 'date'],
  ['categories', 'category'],
  ['items', 'item'],
  ['questions', 'question'],
  ['blockedsecrets', 'blockedsecret'],
] as const;

const whole = (fact: OrderFact): object => ({
  ...objectOf(fact),
  positions: fact.positions.map((each) => objectOf(each)),
});
