import { setTimeout as sleep } from 'node:timers/promises';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, cart], { METRICS_PORT: '0' });
  await system.import(festival());
});
afterAll(() => system.close());

const scan = (ticket: { secret: string }) =>
  system.call('POST', `${OPENAIR}checkinlists/${LISTS.main}/positions/${ticket.secret}/redeem/`, {
    token: TOKENS.admin,
    json: {},
  });

const metrics = async () => (await fetch(`http://127.0.0.1:${system.metricsPort}/metrics`)).text();

describe('/metrics', () => {
  test('counts scans by list and by what became of them', async () => {
    await scan(TICKETS.ada);
    await scan(TICKETS.pending);
    await scan({ secret: 'nobodysticket' });
    const counted = (result: string) =>
      new RegExp(`^gatehouse_scans_total\\{event="openair",list="${LISTS.main}",result="${result}"\\} \\d+$`, 'm');
    const text = await metrics();
    for (const result of ['ok', 'unpaid', 'unknown_ticket']) expect(text).toMatch(counted(result));
    expect(text).not.toContain('nobodysticket');
  });

  test('names every measure that an operator looks at', async () => {
    await system.settled();
    const text = await metrics();
    expect(text).toMatch(
      /^gatehouse_request_duration_seconds_bucket\{route="POST organizers.*",status="201".*\} \d+$/m,
    );
    expect(text).toMatch(/^gatehouse_store_batch_size_count\{context="admission"\} \d+$/m);
    expect(text).toMatch(/^gatehouse_pool_connections\{schema="admission",use="requests",state="idle"\} \d+$/m);
    expect(text).toMatch(
      /^gatehouse_projection_lag_seconds\{context="admission",name="tickets",topic="admission"\} 0$/m,
    );
    // Of each context, since several have a read model of this name. Consumers are looked at once a second.
    const wanted = ['admission', 'inventory'].flatMap((context) => {
      const labels = `{context="${context}",name="catalog",topic="reference"}`;
      return [`gatehouse_consumer_lag_seconds${labels} 0`, `gatehouse_consumer_stuck${labels} 0`];
    });
    const missing = async () => {
      const lines = new Set((await metrics()).split('\n'));
      return wanted.filter((line) => !lines.has(line));
    };
    while ((await missing()).length > 0) await sleep(50);
  });

  test('tells the age of the oldest event that a projection has not applied', async () => {
    const [first] = await system.events();
    const client = await system.pool.connect();
    try {
      // The projection waits for the lock of its checkpoint.
      await client.query('begin');
      await client.query("select 1 from checkpoints where name = 'tickets' and topic = 'admission' for update");
      await scan(TICKETS.saturday);
      const lag =
        /^gatehouse_projection_lag_seconds\{context="admission",name="tickets",topic="admission"\} (\S+)$/m.exec(
          await metrics(),
        );
      const age = (Date.now() - Date.parse(first!.time)) / 1_000;
      expect(Number(lag![1])).toBeGreaterThan(0);
      expect(Number(lag![1])).toBeLessThan(age);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('is not served where clients are', async () => {
    expect((await system.call('GET', '/metrics')).status).toBe(404);
    const elsewhere = await fetch(`http://127.0.0.1:${system.metricsPort}/api/v1/`);
    expect(elsewhere.status).toBe(404);
  });
});
