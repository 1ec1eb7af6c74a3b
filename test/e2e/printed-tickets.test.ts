import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { backendsInTest, type BackendsInTest, type Wanted } from '@gatehouse/test-support/backends';
import { batchesOf, batchShop, made, rendered, targetOf } from '@gatehouse/test-support/batches';
import { HALL, ITEMS, TOKENS } from '@gatehouse/test-support/cart-shop';
import { droid } from '@gatehouse/test-support/droid';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { scanned, seen } from '@gatehouse/test-support/seen-pdf';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* From the request for tickets to the gate, over HTTP alone and with the codes that stand on the pages (contract §9.4). */

const LIST = 901;
const KEY = 'a'.repeat(32);
const GATE = { checkin_list: LIST, key: KEY, all_items: true, items: [], allow_search: true, show_info: true };

describe('bus PostgreSQL', () => journey({ store: 'PostgreSQL', bus: 'PostgreSQL' }));
describeWithKafka('bus Kafka', () => journey({ store: 'PostgreSQL', bus: 'Kafka' }));

function journey(wanted: Wanted): void {
  let backends: BackendsInTest;
  let system: System;
  beforeAll(async () => {
    backends = await backendsInTest(wanted);
    system = await startSystem([offlineSales, cart, checkin, legacyDroid, reference], backends.env);
    await system.import({
      ...batchShop(),
      'demo/events/hall/checkinlists.json': [{ id: LIST, name: 'Gate', all_products: true }],
      'demo/events/hall/droidkeys.json': [GATE],
    });
  });
  afterAll(async () => {
    await system.close();
    await backends.close();
  });

  const scan = (secret: string) =>
    system.call('POST', `${HALL}checkinlists/${LIST}/positions/${secret}/redeem/`, { token: TOKENS.admin, json: {} });

  test('each page lets somebody in, once', async () => {
    const before = await left();
    const batch = await made(system, { amount: 6 });
    expect(await left()).toBe(before - 6);
    const link = targetOf(await rendered(system, batch.id));
    const answer = await fetch(system.url + link, { headers: { authorization: `Token ${TOKENS.viewer}` } });
    const pages = await seen(Buffer.from(await answer.arrayBuffer()), 3);
    const secrets = pages.map(({ picture }) => scanned(picture)!);
    expect(new Set(secrets).size).toBe(6);
    const old = droid(system, 'demo/hall', KEY);
    for (const [n, secret] of secrets.entries()) {
      const isFirstAtDroid = n % 2 === 0;
      if (isFirstAtDroid) expect((await old.redeem({ secret })).body).toMatchObject({ status: 'ok' });
      const order = batch.orders[n];
      expect(await scan(secret)).toMatchObject(
        isFirstAtDroid
          ? { status: 400, body: { reason: 'already_redeemed' } }
          : { status: 201, body: { status: 'ok', position: { order, secret, item: ITEMS.pass, price: '10.00' } } },
      );
      expect((await old.redeem({ secret })).body).toMatchObject({ reason: 'already_redeemed' });
    }
    expect((await system.call('GET', `${batchesOf(HALL)}${batch.id}/`, { token: TOKENS.viewer })).body).toEqual(batch);
  }, 60_000);

  /** Places of the product. */
  async function left(): Promise<number> {
    const target = `${HALL}quotas/${ITEMS.pass + 1_000}/availability/`;
    const { body } = await system.call('GET', target, { token: TOKENS.viewer });
    return (body as { available_number: number }).available_number;
  }
}
