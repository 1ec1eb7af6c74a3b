import { randomBytes } from 'node:crypto';
import { admissionContext } from '@gatehouse/admission/context';
import { openPool } from '@gatehouse/eventing/postgres';
import { importFolder } from '@gatehouse/reference/import';
import { openReference } from '@gatehouse/reference/context';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { openFeeds, type Feeds } from '@gatehouse/service/feeds';
import { call } from '@gatehouse/service/testing';
import { backendsInTest } from '@gatehouse/test-support/backends';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { testDatabase } from '@gatehouse/test-support/postgres';
import { exportFolder } from '@gatehouse/test-support/system';
import { collectTraces, type ExportedSpan, type TraceCollector } from '@gatehouse/test-support/trace-collector';
import { startMain, type GateProcess } from '../races/gate-process';

/* The trace of a scan, as real processes send it to a collector. */

const ALL_IN_ONE = 'services/all-in-one/src/main.ts';
const REDEEM = 'POST organizers/:organizer/events/:event/checkinlists/:list/positions/:position+/redeem/';
const APPEND = 'append admission';
/** Another context's read model; admission's own are filled by the append. */
const PROJECTION = 'process sync.orders';

let collector: TraceCollector;
beforeAll(async () => {
  collector = await collectTraces();
});
afterAll(() => collector.close());

const scan = ({ url }: GateProcess, ticket: { secret: string }, headers: Record<string, string> = {}) =>
  call(url, 'POST', `${OPENAIR}checkinlists/${LISTS.main}/positions/${ticket.secret}/redeem/`, {
    token: TOKENS.admin,
    json: {},
    headers,
  });

/** Imports the festival, and waits until the process finds its last ticket. */
async function importInto(gate: GateProcess, env: Readonly<Record<string, string>>): Promise<void> {
  const config = readConfig(env);
  const backends = openBackends(config, config.databaseUrl);
  const reference = await openReference(backends);
  await importFolder({ ...reference, folder: await exportFolder(festival()) });
  await reference.pool.end();
  await backends.close();
  const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.enteredByItself.id}/`;
  while ((await call(gate.url, 'GET', target, { token: TOKENS.admin })).status !== 200) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function traceOfEvent({ own }: Feeds, ticket: number): Promise<string> {
  return (await own.load(`ticket-${ticket}`))[0]!.trace!;
}

const named = (spans: readonly ExportedSpan[], name: string) => spans.find((span) => span.name === name)!;
const newTrace = () => ({ traceId: randomBytes(16).toString('hex'), spanId: randomBytes(8).toString('hex') });

describe('a scan’s trace', () => {
  let gate: GateProcess;
  let feeds: Feeds;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    const database = await testDatabase();
    const env = { DATABASE_URL: database.url, GATEHOUSE_DEMO: 'off', ...collector.env };
    gate = await startMain(ALL_IN_ONE, env);
    await importInto(gate, env);
    const backends = openBackends(readConfig(env), database.url);
    feeds = await openFeeds(admissionContext, backends, { connections: 3 });
    closing.push(
      () => gate.kill(),
      () => feeds.close(),
      () => backends.close(),
      () => database.drop(),
    );
  });
  afterAll(async () => {
    for (const close of closing) await close();
  });

  test('goes on where the client began it: request, append, projection', async () => {
    const { traceId, spanId } = newTrace();
    expect((await scan(gate, TICKETS.ada, { traceparent: `00-${traceId}-${spanId}-01` })).status).toBe(201);
    const spans = await collector.trace(traceId, [REDEEM, APPEND, PROJECTION]);
    const request = named(spans, REDEEM);
    expect(request).toMatchObject({ parentSpanId: spanId });
    for (const name of [APPEND, PROJECTION]) {
      const links = [expect.objectContaining({ traceId, spanId: request.spanId }) as unknown];
      expect(named(spans, name)).toMatchObject({ parentSpanId: request.spanId, links });
    }
    expect(await traceOfEvent(feeds, TICKETS.ada.id)).toBe(`00-${traceId}-${request.spanId}-01`);
  });

  test('begins with the request when the client sent none; at both heads', async () => {
    await scan(gate, TICKETS.friday);
    const phone = droid(
      { call: (method, target, ask) => call(gate.url, method, target, ask) },
      'demo/openair',
      DROID_KEYS.main,
    );
    await phone.redeem({ secret: TICKETS.vip.secret });
    for (const [ticket, name] of [
      [TICKETS.friday, REDEEM],
      [TICKETS.vip, 'POST pretixdroid/redeem/'],
    ] as const) {
      const [, traceId, spanId] = (await traceOfEvent(feeds, ticket.id)).split('-') as [string, string, string];
      expect(named(await collector.trace(traceId, [name]), name)).toMatchObject({ spanId });
      // The span of one commit or batch for several requests is in the first one's trace and linked to all.
      for (const shared of [APPEND, PROJECTION]) await collector.linked(shared, traceId);
    }
  });

  test('one commit of many scans links to each of them', async () => {
    const tickets = [TICKETS.invoice, TICKETS.nameless, TICKETS.namelessInvoice, TICKETS.loose, TICKETS.voucher];
    await Promise.all(tickets.map((ticket) => scan(gate, ticket)));
    for (const { id } of tickets) {
      await collector.linked(APPEND, (await traceOfEvent(feeds, id)).slice(3, 35));
    }
  });

  test('holds no secret of a ticket', () => {
    expect(JSON.stringify(collector.spans)).not.toContain(TICKETS.ada.secret);
  });
});

describeWithKafka('through relay and Kafka', () => {
  test('a scan’s trace goes on to a consumer of another context', async () => {
    const backends = await backendsInTest({ store: 'PostgreSQL', bus: 'Kafka' });
    const database = await testDatabase();
    const env = { ...backends.env, GATEHOUSE_DEMO: 'off', ...collector.env };
    const gate = await startMain(ALL_IN_ONE, env);
    const consumer = await startMain('test/e2e/foreign-consumer.ts', { ...env, DATABASE_URL: database.url });
    const pool = openPool(database.url, 'visitors', 1);
    try {
      await importInto(gate, env);
      const { traceId, spanId } = newTrace();
      await scan(gate, TICKETS.ada, { traceparent: `00-${traceId}-${spanId}-01` });
      const publish = `publish ${backends.env['KAFKA_PREFIX']}.admission.internal`;
      const foreign = 'process visitors.visitors';
      const spans = await collector.trace(traceId, [REDEEM, APPEND, PROJECTION, publish, foreign]);
      expect(named(spans, publish).parentSpanId).toBe(named(spans, REDEEM).spanId);
      expect(named(spans, foreign).parentSpanId).toBe(named(spans, publish).spanId);
      const { rows } = await pool.query<{ position: number }>('select position from visitors');
      expect(rows).toContainEqual({ position: TICKETS.ada.id });
    } finally {
      await consumer.kill();
      await gate.kill();
      await pool.end();
      await database.drop();
      await backends.close();
    }
  });
});
