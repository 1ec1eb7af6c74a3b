import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { relayBacklog } from '@gatehouse/eventing/relay';
import { backendsInTest, type BackendsInTest, type Wanted } from '@gatehouse/test-support/backends';
import { batchWriter } from '@gatehouse/test-support/batch-writer';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, ITEMS, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The largest batch, at both heads, on both buses (contract §9.4). */

describe('bus PostgreSQL', () => journey({ store: 'PostgreSQL', bus: 'PostgreSQL' }));
describeWithKafka('bus Kafka', () => journey({ store: 'PostgreSQL', bus: 'Kafka' }));

const AMOUNT = 10_000;

function journey(wanted: Wanted): void {
  let backends: BackendsInTest;
  let system: System;
  beforeAll(async () => {
    backends = await backendsInTest(wanted);
    system = await startSystem([checkin, legacyDroid, offlineSales, reference], backends.env);
    await system.import(festival());
  });
  afterAll(async () => {
    await system.close();
    await backends.close();
  });

  const list = `${OPENAIR}checkinlists/${LISTS.auto}/`;
  const positions = async (query: string) => {
    const { body } = await system.call('GET', `${list}positions/?${query}`, { token: TOKENS.admin });
    return body as { count: number; results: { id: number; checkins: unknown[] }[] };
  };

  test('as soon as a batch is published, each of its tickets gets in', async () => {
    const old = droid(system, 'demo/openair', DROID_KEYS.main);
    const before = (await positions('')).count;
    const made = await batchWriter(system).create({
      ...{ organizer: 'demo', event: 'openair', item: ITEMS.pass, amount: AMOUNT, sales_channel: 'boxoffice' },
    });
    const { bus, pool, ownFeed } = system.feedsOf('sales');
    // Then `check/` says 200.
    while (bus.isRelayed && (await relayBacklog(pool, ownFeed)) > 0)
      await new Promise((resolve) => setTimeout(resolve, 5));
    const secrets = [0, 4_000, AMOUNT - 1].map((n) => made.tickets[n]!.secret);
    const scans = secrets.map((secret) =>
      system.call('POST', `${OPENAIR}checkinlists/${LISTS.main}/positions/${secret}/redeem/`, {
        token: TOKENS.admin,
        json: {},
      }),
    );
    const others = [1, 5_000, AMOUNT - 2].map((n) => old.redeem({ secret: made.tickets[n]!.secret }));
    expect((await Promise.all(scans)).map(({ status }) => status)).toEqual([201, 201, 201]);
    expect((await Promise.all(others)).map(({ body }) => (body as { status: string }).status)).toEqual([
      'ok',
      'ok',
      'ok',
    ]);
    await system.settled();
    // All of them on a list that admits what the box office sells.
    expect((await positions('')).count).toBe(before + AMOUNT);
    expect((await positions('has_checkin=true')).count).toBe(AMOUNT);
    const [last] = (await positions(`secret=${secrets[2]}`)).results;
    expect(last).toMatchObject({ id: made.firstPosition + AMOUNT - 1, checkins: [{ auto_checked_in: true }] });
    for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);
  });
}
