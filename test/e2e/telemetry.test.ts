import { randomBytes } from 'node:crypto';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { collectTraces, type TraceCollector } from '@gatehouse/test-support/trace-collector';

/* What a process tells of itself: the trace of a scan as it is sent to a collector, and /metrics. */

let collector: TraceCollector;
let system: System;
beforeAll(async () => {
  collector = await collectTraces();
  system = await startSystem([checkin, legacyDroid], {
    OTEL_EXPORTER_OTLP_ENDPOINT: process.env['OTEL_EXPORTER_OTLP_ENDPOINT']!,
    TRACE_SAMPLING: '1',
    METRICS_PORT: '0',
  });
  await system.import(festival());
});
afterAll(async () => {
  await system.close();
  await collector.close();
});

const REDEEM = 'POST organizers/:organizer/events/:event/checkinlists/:list/positions/:position+/redeem/';

const scan = (ticket: { secret: string }, headers: Record<string, string> = {}) =>
  system.call('POST', `${OPENAIR}checkinlists/${LISTS.main}/positions/${ticket.secret}/redeem/`, {
    token: TOKENS.admin,
    json: {},
    headers,
  });

async function traceOfEvent(ticket: number): Promise<string> {
  const event = (await system.events()).find(({ stream }) => stream === `ticket-${ticket}`);
  return event!.trace!;
}

describe('a scan’s trace', () => {
  test('goes on where the client began it: request, append, projection', async () => {
    const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
    expect((await scan(TICKETS.ada, { traceparent: `00-${traceId}-${spanId}-01` })).status).toBe(201);
    const spans = await collector.trace(traceId, [REDEEM, 'append admission', 'process admission.tickets']);
    const [request, append, projection] = [REDEEM, 'append admission', 'process admission.tickets'].map((name) =>
      spans.find((span) => span.name === name),
    );
    expect(request).toMatchObject({ parentSpanId: spanId });
    for (const span of [append, projection]) {
      expect(span).toMatchObject({ parentSpanId: request!.spanId });
      expect(span!.links).toContainEqual(expect.objectContaining({ traceId, spanId: request!.spanId }));
    }
    expect(await traceOfEvent(TICKETS.ada.id)).toBe(`00-${traceId}-${request!.spanId}-01`);
  });

  test('begins with the request when the client sent none; at both heads', async () => {
    await scan(TICKETS.friday);
    await droid(system, 'demo/openair', DROID_KEYS.main).redeem({ secret: TICKETS.vip.secret });
    for (const [ticket, name] of [
      [TICKETS.friday, REDEEM],
      [TICKETS.vip, 'POST pretixdroid/redeem/'],
    ] as const) {
      const [, traceId, spanId] = (await traceOfEvent(ticket.id)).split('-') as [string, string, string];
      const spans = await collector.trace(traceId, [name, 'append admission', 'process admission.tickets']);
      expect(spans).toContainEqual(expect.objectContaining({ name, spanId }));
    }
  });

  test('one commit of many scans links to each of them', async () => {
    const tickets = [TICKETS.invoice, TICKETS.nameless, TICKETS.namelessInvoice, TICKETS.loose, TICKETS.voucher];
    await Promise.all(tickets.map((ticket) => scan(ticket)));
    for (const { id } of tickets) {
      const traceId = (await traceOfEvent(id)).slice(3, 35);
      await collector.seen(
        ({ name, links }) => name === 'append admission' && links!.some((link) => link.traceId === traceId),
      );
    }
  });

  test('holds no secret of a ticket', () => {
    expect(JSON.stringify(collector.spans)).not.toContain(TICKETS.ada.secret);
  });
});

describe('/metrics', () => {
  const metrics = async () => (await fetch(`http://127.0.0.1:${system.metricsPort}/metrics`)).text();

  test('counts scans by list and by what became of them', async () => {
    await scan(TICKETS.pending);
    await system.call('POST', `${OPENAIR}checkinlists/${LISTS.main}/positions/nobodysticket/redeem/`, {
      token: TOKENS.admin,
      json: {},
    });
    const counted = (result: string) =>
      new RegExp(
        `^gatehouse_scans_total\\{organizer="demo",event="openair",list="${LISTS.main}",result="${result}"\\} \\d+$`,
        'm',
      );
    const text = await metrics();
    for (const result of ['ok', 'unpaid', 'unknown_ticket']) expect(text).toMatch(counted(result));
    expect(text).not.toContain('nobodysticket');
  });

  test('names every measure that an operator looks at', async () => {
    await system.settled();
    const text = await metrics();
    expect(text).toMatch(/^gatehouse_request_duration_seconds_bucket\{method="POST",.*status="201".*\} \d+$/m);
    expect(text).toMatch(/^gatehouse_store_batch_size_count\{context="admission"\} \d+$/m);
    expect(text).toMatch(/^gatehouse_pool_connections\{schema="admission",use="requests",state="idle"\} \d+$/m);
    expect(text).toMatch(/^gatehouse_projection_lag_seconds\{name="tickets",topic="admission"\} 0$/m);
    expect(text).toMatch(/^gatehouse_consumer_lag_seconds\{name="catalog",topic="reference"\} 0$/m);
  });

  test('tells the age of the oldest event that a projection has not applied', async () => {
    const [first] = await system.events();
    const client = await system.pool.connect();
    try {
      // The projection waits for the lock of its checkpoint.
      await client.query('begin');
      await client.query("select 1 from checkpoints where name = 'tickets' and topic = 'admission' for update");
      await scan(TICKETS.saturday);
      const lag = /^gatehouse_projection_lag_seconds\{name="tickets",topic="admission"\} (\S+)$/m.exec(await metrics());
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
