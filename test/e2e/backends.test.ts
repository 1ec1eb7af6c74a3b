import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { reference } from '@gatehouse/reference-service/service';
import { backendsInTest, type BackendsInTest, type Wanted } from '@gatehouse/test-support/backends';
import { droid } from '@gatehouse/test-support/droid';
import { CROWD, DROID_KEYS, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { startProcess } from '@gatehouse/test-support/process';
import { SHOP, shopExport, shopOrder, shopPosition } from '@gatehouse/test-support/shop';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { firstsOf, readTopic, revisionsOf } from '@gatehouse/test-support/topic-reader';

/* The same scenarios on every pair of event store and event bus. */

for (const store of ['PostgreSQL', 'EventStoreDB'] as const) {
  describe(`store ${store}, bus PostgreSQL`, () => journeys({ store, bus: 'PostgreSQL' }));
  describeWithKafka(`store ${store}, bus Kafka`, () => journeys({ store, bus: 'Kafka' }));
}

function journeys(wanted: Wanted): void {
  let backends: BackendsInTest;
  let system: System;
  beforeAll(async () => {
    backends = await backendsInTest(wanted);
    system = await startSystem([checkin, legacyDroid, reference], backends.env);
    await system.import(festival());
  });
  afterAll(async () => {
    await system.close();
    await backends.close();
  });

  const crowd = (list: number, n: number) => `${CROWD}checkinlists/${list}/positions/${TICKETS.crowdFirst.id + n}/`;
  const redeem = async (target: string, json: object = {}) => {
    const { status, body } = await system.call('POST', `${target}redeem/`, { token: TOKENS.admin, json });
    return [status, (body as { reason?: string }).reason];
  };

  test('a scan: ok, refused, forced, unknown; and whoever has scanned reads it back', async () => {
    const target = crowd(LISTS.crowd, 0);
    expect(await redeem(target)).toEqual([201, undefined]);
    expect(await redeem(target)).toEqual([400, 'already_redeemed']);
    expect(await redeem(target, { force: true })).toEqual([201, undefined]);
    expect((await redeem(`${CROWD}checkinlists/${LISTS.crowd}/positions/999999/`))[0]).toBe(404);
    const read = await system.call('GET', target, { token: TOKENS.admin });
    expect((read.body as { checkins: unknown[] }).checkins).toHaveLength(1);
  });

  test('both heads at one ticket at once: one lets in', async () => {
    const scanner = droid(system, 'demo/openair', DROID_KEYS.main);
    const { id, secret } = TICKETS.ada;
    const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${id}/`;
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        if (n % 2 === 0) return (await redeem(target, { nonce: `rest ${n}` }))[0] === 201;
        const { body } = await scanner.redeem({ secret, nonce: `droid ${n}` });
        return (body as { status: string }).status === 'ok';
      }),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    const { body } = await scanner.get('download');
    const shown = (body as { results: { secret: string; redeemed: boolean }[] }).results;
    expect(shown.find((each) => each.secret === secret)?.redeemed).toBe(true);
  });

  test('a list that is edited or made here, and an import that changes what is known', async () => {
    const lists = `${CROWD}checkinlists/`;
    const json = { name: 'Side gate', all_products: true, limit_products: [], include_pending: true };
    const made = await system.call('POST', lists, { token: TOKENS.admin, json });
    expect(made.status).toBe(201);
    const { id } = made.body as { id: number };
    const { body } = await system.call('GET', `${lists}${id}/`, { token: TOKENS.admin });
    expect(body).toMatchObject({ name: 'Side gate', position_count: 120, checkin_count: 0 });
    expect(await redeem(crowd(id, 1))).toEqual([201, undefined]);
    const again = await system.import(festival());
    expect(again.events).toBe(0);
  });

  test('an order too large for one event, which loses some of its tickets, and all of them', async () => {
    const email = (n: number) => `${'x'.repeat(200)}${n}@example.org`;
    const positions = Array.from({ length: 1_000 }, (_, n) => shopPosition(70_000 + n, { attendee_email: email(n) }));
    const imported = async (named: typeof positions) =>
      (await system.import(shopExport([shopOrder('LARGE', named)]))).events;
    const count = async () => {
      const target = `${SHOP.event}checkinlists/${SHOP.gate}/positions/?order=LARGE`;
      return ((await system.call('GET', target, { token: SHOP.token })).body as { count: number }).count;
    };
    await imported(positions);
    expect(await count()).toBe(1_000);
    expect(await imported(positions)).toBe(0);
    await imported(positions.slice(1));
    expect(await count()).toBe(999);
    await imported([]);
    expect(await count()).toBe(0);
  });

  test('read models follow from history, also when they are rebuilt', async () => {
    await system.settled();
    for (const model of READ_MODELS) {
      expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);
      await rebuildReadModel(model, system.feeds, () => undefined);
    }
    await system.settled();
    for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);
    expect(await redeem(crowd(LISTS.crowd, 0))).toEqual([400, 'already_redeemed']);
    expect(await redeem(crowd(LISTS.crowd, 2))).toEqual([201, undefined]);
  });

  if (wanted.bus === 'PostgreSQL') return;

  if (wanted.store === 'PostgreSQL') {
    test('a gate that starts while the broker is away begins with what is known', async () => {
      const gate = await startProcess([checkin], { ...backends.env, KAFKA_BROKERS: '127.0.0.1:9', ROLES: 'http' });
      try {
        while ((await gate.call('GET', '/readyz')).status !== 200) await new Promise((again) => setTimeout(again, 50));
        const scanned = await gate.call('POST', `${crowd(LISTS.crowd, 3)}redeem/`, { token: TOKENS.admin, json: {} });
        expect(scanned.status).toBe(201);
      } finally {
        await gate.close();
      }
    });
  }

  test('a reader outside gets every event once after de-duplication, in order per ticket, without what is private', async () => {
    const recorded = await system.events();
    const brokers = backends.env['KAFKA_BROKERS']!.split(',');
    const reader = await readTopic(brokers, `${backends.env['KAFKA_PREFIX']!}.admission`);
    const wantedIds = new Set(recorded.map(({ id }) => id));
    while (firstsOf(reader.seen).length < wantedIds.size) await new Promise((resolve) => setTimeout(resolve, 20));
    await reader.close();
    const events = firstsOf(reader.seen);
    expect(new Set(events.map(({ id }) => id))).toEqual(wantedIds);
    for (const [stream, revisions] of revisionsOf(events)) {
      // Refusals of one process are about many tickets, whose partitions have no common order.
      if (stream.startsWith('refusals-')) revisions.sort((a, b) => a - b);
      expect(revisions).toEqual(revisions.map((_, i) => i));
    }
    expect(new Set(events.map(({ type }) => type))).toContain('RedemptionRefused');
    expect(reader.seen.some(({ event }) => 'nonce' in event.data || 'answers' in event.data)).toBe(false);
    const ofOneTicket = reader.seen.filter(({ key }) => key === `ticket-${TICKETS.crowdFirst.id}`);
    expect(new Set(ofOneTicket.map(({ partition }) => partition)).size).toBe(1);
  });
}
