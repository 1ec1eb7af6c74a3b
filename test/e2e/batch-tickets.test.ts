import { READ_MODELS } from '@gatehouse/admission/context';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { sales, type Ticket } from '@gatehouse/events/sales';
import { replay } from '@gatehouse/eventing/projection';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { backendsInTest, type BackendsInTest, type Wanted } from '@gatehouse/test-support/backends';
import { batchesOf, linkIn, targetOf } from '@gatehouse/test-support/batches';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, ITEMS, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The largest batch, from the request to both heads, on both buses: when `check/` says 200 its tickets get in (contract §9.4). */

describe('bus PostgreSQL', () => journey({ store: 'PostgreSQL', bus: 'PostgreSQL' }));
describeWithKafka('bus Kafka', () => journey({ store: 'PostgreSQL', bus: 'Kafka' }));

const AMOUNT = 10_000;
const LAYOUT = 123;
const SHOP = {
  ...festival(),
  'demo/events/openair/quotas.json': [
    {
      id: 901,
      name: 'Passes',
      size: AMOUNT + 1_000,
      items: [ITEMS.pass],
      variations: [],
      subevent: null,
      closed: false,
    },
  ],
  'demo/events/openair/ticketlayouts.json': [{ id: LAYOUT, name: 'Plain', default: true, layout: [] }],
};

function journey(wanted: Wanted): void {
  let backends: BackendsInTest;
  let system: System;
  beforeAll(async () => {
    backends = await backendsInTest(wanted);
    system = await startSystem([checkin, legacyDroid, cart, offlineSales, reference], backends.env);
    await system.import(SHOP);
  });
  afterAll(async () => {
    await system.close();
    await backends.close();
  });

  /** All tickets that were issued, in their order, with the position of the first. */
  async function issued(): Promise<{ first: number; tickets: Ticket[] }> {
    const { own, ownFeed } = system.feedsOf('sales');
    const all: { first: number; tickets: Ticket[] }[] = [];
    await replay(ownFeed, { from: own.start, until: await own.head() }, (events) => {
      for (const stored of events) {
        const event = sales.read(stored);
        if (event?.type !== 'TicketsIssued') continue;
        all.push({ first: event.data.first_position, tickets: event.data.tickets });
      }
      return Promise.resolve();
    });
    return { first: all[0]!.first, tickets: all.flatMap(({ tickets }) => tickets) };
  }

  /** Requests a batch and asks until it is made. */
  async function make(json: object): Promise<void> {
    const check = linkIn(await system.call('POST', batchesOf(OPENAIR), { token: TOKENS.admin, json }), 'check');
    for (;;) {
      const { status, text } = await system.call('GET', targetOf(check), { token: TOKENS.admin });
      if (status === 200) return;
      if (status !== 409) throw new Error(`${status}: ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  const list = `${OPENAIR}checkinlists/${LISTS.auto}/`;
  const positions = async (query: string) => {
    const { body } = await system.call('GET', `${list}positions/?${query}`, { token: TOKENS.admin });
    return body as { count: number; results: { id: number; checkins: unknown[] }[] };
  };

  test('as soon as a batch is made, each of its tickets gets in', async () => {
    const old = droid(system, 'demo/openair', DROID_KEYS.main);
    const before = (await positions('')).count;
    await make({ item: ITEMS.pass, layout: LAYOUT, amount: AMOUNT, sales_channel: 'boxoffice' });
    const made = await issued();
    expect(made.tickets).toHaveLength(AMOUNT);
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
    expect(last).toMatchObject({ id: made.first + AMOUNT - 1, checkins: [{ auto_checked_in: true }] });
    for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);
  });
}
