import path from 'node:path';
import { kafkaClient } from '@gatehouse/eventing/kafka-client';
import { applyTopic, topicPlans } from '@gatehouse/eventing/kafka-topics';
import { whyNoKafka } from '@gatehouse/local-kafka/jars';
import { startKafka } from '@gatehouse/local-kafka/start-kafka';
import type { Consumer } from 'kafkajs';
import type { Server } from './child';
import { cpuMsOf } from './cpu';
import type { Dataset } from './dataset';
import type { Bench } from './parts';
import { bar, figure, type Finding } from './report';
import { median } from './rounds';

const RATES = [500, 2_000] as const;
/** Shorter turns measure the waits at their ends. */
const TURN_MS = 6_000;
const RELAY = 'gatehouse-relay';

/** P9: the cost of publishing an event, without the broker, and the time until a consumer gets it. */
export const relay: Bench = async (stage, { rounds, turnMs, tickets }) => {
  const reason = await whyNoKafka();
  if (reason !== null) return [figure('P9: relay', `not measured. ${reason}`)];
  const dataset = await stage.dataset(tickets);
  const target = await stage.gatehouse(dataset);
  const kafka = await startKafka({ folder: path.join(stage.folder, 'kafka') });
  const findings: Finding[] = [];
  try {
    const prefix = `bench-${Date.now()}`;
    const topic = `${prefix}.admission`;
    const client = kafkaClient({ brokers: kafka.brokers });
    const admin = client.admin();
    await admin.connect();
    const plans = topicPlans('admission', { prefix, replicationFactor: 1, minInsyncReplicas: 1 });
    for (const plan of plans) await applyTopic(admin, plan);
    await admin.disconnect();

    // Only events from now on.
    await dataset.pool.query(
      `insert into checkpoints (name, topic, position) select 'relay', 'admission', coalesce(max(position), 0)::text from events
       on conflict (name, topic, partition) do update set position = excluded.position`,
    );
    await dataset.pool.query(`delete from topic_generations where name = 'relay'`);
    let server: Server | undefined;
    const consumer = client.consumer({ groupId: `${prefix}-lag`, maxWaitTimeInMs: 20 });
    let lags: number[] = [];
    try {
      server = await stage.server('relay-server', environmentOf(dataset, { brokers: kafka.brokers, prefix }));
      await consumer.connect();
      await subscribed(consumer, topic);
      await consumer.run({
        eachBatch: ({ batch }) => {
          const now = Date.now();
          for (const { value } of batch.messages) {
            lags.push(now - Date.parse((JSON.parse(value!.toString()) as { time: string }).time));
          }
          return Promise.resolve();
        },
      });
      for (const rate of RATES) {
        const turns: Turn[] = [];
        for (let round = 0; round <= rounds; round++) {
          lags = [];
          const before = await costOf(server, dataset);
          const turn = await stage.drive(target, { connections: 64, durationMs: Math.max(TURN_MS, 3 * turnMs), rate });
          for (const until = Date.now() + 60_000; lags.length < turn.sent;) {
            if (Date.now() > until) throw new Error(`only ${lags.length} of ${turn.sent} events came by Kafka`);
            await new Promise((again) => setTimeout(again, 10));
          }
          const after = await costOf(server, dataset);
          const events = lags.length;
          const sorted = [...lags].sort((a, b) => a - b);
          const node = (after.node - before.node) / events;
          const postgres = (after.postgres - before.postgres) / events;
          if (round > 0) {
            turns.push({
              node,
              postgres,
              scan: (turn.nodeMs + turn.postgresMs) / turn.sent - postgres,
              p50: sorted[Math.floor(events * 0.5)]!,
              p99: sorted[Math.floor(events * 0.99)]!,
            });
          }
        }
        findings.push(...findingsOf(rate, turns));
      }
    } finally {
      await consumer.disconnect();
      await server?.stop();
    }
  } finally {
    await kafka.stop();
  }
  return findings;
};

/** A new topic reaches all brokers only after a moment. */
async function subscribed(consumer: Consumer, topic: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await consumer.subscribe({ topics: [topic], fromBeginning: true });
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await new Promise((again) => setTimeout(again, 250));
    }
  }
}

/** Per event or scan in CPU-milliseconds; lags in milliseconds. */
type Turn = {
  readonly node: number;
  readonly postgres: number;
  readonly scan: number;
  readonly p50: number;
  readonly p99: number;
};

function findingsOf(rate: number, turns: readonly Turn[]): Finding[] {
  const of = (value: (turn: Turn) => number) => median(turns.map(value));
  const micros = (value: (turn: Turn) => number) => Math.round(of(value) * 1_000);
  const at = `${rate.toLocaleString('en-US')} scans/s`;
  return [
    bar({
      bar: 'P9',
      what: `relay's CPU per event at ${at}, of that of a scan`,
      measured: of(({ node, postgres, scan }) => (node + postgres) / scan),
      needed: { atMost: 0.1 },
      unit: '%',
    }),
    figure(
      `relay at ${at}`,
      `CPU-µs per event: node ${micros(({ node }) => node)}, PostgreSQL ${micros(({ postgres }) => postgres)} ` +
        `(a scan: ${micros(({ scan }) => scan)})`,
    ),
    figure(
      `from an append to a consumer of Kafka at ${at}`,
      `p50 ${of(({ p50 }) => p50).toFixed(0)} ms, p99 ${of(({ p99 }) => p99).toFixed(0)} ms`,
    ),
  ];
}

function environmentOf(
  { databaseUrl }: Dataset,
  { brokers, prefix }: { brokers: readonly string[]; prefix: string },
): Record<string, string> {
  const url = new URL(databaseUrl);
  // Distinguishes its connections from others.
  url.searchParams.set('application_name', RELAY);
  return {
    ADMISSION_DATABASE_URL: url.href,
    REFERENCE_DATABASE_URL: databaseUrl,
    EVENT_BUS: 'kafka',
    KAFKA_BROKERS: brokers.join(),
    KAFKA_PREFIX: prefix,
  };
}

async function costOf(server: Server, { pool }: Dataset): Promise<{ node: number; postgres: number }> {
  const { rows } = await pool.query<{ pid: number }>('select pid from pg_stat_activity where application_name = $1', [
    RELAY,
  ]);
  return { node: cpuMsOf(server.pid), postgres: rows.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0) };
}
