import { admissionContext } from '@gatehouse/admission/context';
import { ticketsModel } from '@gatehouse/admission/tickets/read-model';
import { rebuildReadModel } from '@gatehouse/eventing/read-model';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { openFeeds } from '@gatehouse/service/feeds';
import type { Pool } from 'pg';
import type { Bench } from './parts';
import { bar, figure, type Finding } from './report';
import { median } from './rounds';

const RATE = 2_000;

/** P7: how long it takes until an event is applied to the read model `tickets`, and how fast that is rebuilt. */
export const projections: Bench = async (stage, { rounds, turnMs, tickets }) => {
  const dataset = await stage.dataset(tickets);
  const target = await stage.gatehouse(dataset);
  const lags: Lag[] = [];
  for (let round = 0; round <= rounds; round++) {
    const stop = new AbortController();
    const watching = watchLag(dataset.pool, stop.signal);
    await stage.drive(target, { connections: 128, durationMs: 2 * turnMs, rate: RATE });
    stop.abort();
    const lag = await watching;
    if (round > 0) lags.push(lag);
  }
  const findings: Finding[] = [
    bar({
      bar: 'P7',
      what: 'from an append to its row in the read model `tickets`, p99 at 2,000 events/s',
      measured: median(lags.map((lag) => lag.p99)),
      needed: { atMost: 10 },
      unit: 'ms',
    }),
    figure(
      'projection lag at 2,000 events/s',
      `p50 ${median(lags.map((lag) => lag.p50)).toFixed(1)} ms, p99 ${median(lags.map((lag) => lag.p99)).toFixed(1)} ms ` +
        `(looked at every ${median(lags.map((lag) => lag.every)).toFixed(1)} ms)`,
    ),
  ];
  return [...findings, ...(await rebuild(dataset.databaseUrl))];
};

type Lag = { readonly p50: number; readonly p99: number; readonly every: number };

/**
 * Reads the head of history and the checkpoint in one query, repeatedly. An event's lag is from the start of the first
 * query that saw it to the end of the first that saw it applied: at most one query too long, never too short.
 */
async function watchLag(pool: Pool, signal: AbortSignal): Promise<Lag> {
  const seen: { head: number; at: number }[] = [];
  const lags: number[] = [];
  const pauses: number[] = [];
  let last = 0;
  let counted = 0;
  let before = performance.now();
  while (!signal.aborted || counted < last) {
    const askedAt = performance.now();
    const { rows } = await pool.query<{ head: number; applied: number }>({
      name: 'lag',
      text: `select (select coalesce(max(position), 0)::float8 from events) as head, position::float8 as applied
             from checkpoints where name = 'tickets' and topic = 'admission'`,
    });
    const now = performance.now();
    const { head, applied } = rows[0]!;
    if (last === 0) counted = last = head;
    if (head > last) seen.push({ head, at: askedAt });
    last = Math.max(last, head);
    while (seen[0] && seen[0].head <= applied) {
      const { head: position, at } = seen.shift()!;
      // Every event counts, even if many came at once.
      for (; counted < position; counted++) lags.push(now - at);
    }
    pauses.push(now - before);
    before = now;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  lags.sort((a, b) => a - b);
  const at = (part: number) => lags[Math.floor(lags.length * part)] ?? 0;
  return { p50: at(0.5), p99: at(0.99), every: median(pauses) };
}

async function rebuild(databaseUrl: string): Promise<Finding[]> {
  const backends = openBackends(readConfig({}), databaseUrl);
  const feeds = await openFeeds(admissionContext, backends, { connections: 4 });
  const startedAt = performance.now();
  const topics = new Map<string, { events: number; from: number; until: number }>();
  let before = startedAt;
  await rebuildReadModel(ticketsModel, feeds, ({ topic, events }) => {
    const now = performance.now();
    const known = topics.get(topic) ?? { events: 0, from: before, until: now };
    // A second round without work starts from 0 again.
    if (events >= known.events) topics.set(topic, { ...known, events, until: now });
    before = now;
  });
  const elapsedMs = performance.now() - startedAt;
  await feeds.close();
  await backends.close();
  const total = [...topics.values()].reduce((sum, { events }) => sum + events, 0);
  const parts = [...topics].map(
    ([topic, { events, from, until }]) =>
      `${topic} ${events} events at ${Math.round((events / (until - from)) * 1000)}/s`,
  );
  return [
    bar({
      bar: 'P7',
      what: 'rebuild of the read model `tickets`',
      measured: (total / elapsedMs) * 1000,
      needed: { atLeast: 50_000 },
      unit: 'events/s',
    }),
    figure('rebuild of `tickets`', `${(elapsedMs / 1000).toFixed(1)} s: ${parts.join(', ')}`),
  ];
}
