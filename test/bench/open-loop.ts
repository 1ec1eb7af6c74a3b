import type { Bench } from './parts';
import { bar, figure, type Finding } from './report';
import { inTurn, median, ratio } from './rounds';
import type { Turn } from './stage';

/** Rates in scans per second, with the allowed p99 in milliseconds. */
const RATES = [
  [2_000, 10],
  [5_000, 20],
] as const;
const CONNECTIONS = 256;

/** P5: latency at a given rate, counted from when a scan was due; and what a scan costs with more tickets. */
export const openLoop: Bench = async (stage, { rounds, turnMs, tickets, sizes }) => {
  const dataset = await stage.dataset(tickets);
  const findings: Finding[] = [];
  for (const [rate, allowedMs] of RATES) {
    const targets = { gatehouse: await stage.gatehouse(dataset), static: await stage.peer('static', dataset) };
    const turns = await inTurn(['gatehouse', 'static'], rounds, (name) =>
      stage.drive(targets[name], { connections: CONNECTIONS, durationMs: 2 * turnMs, rate }),
    );
    const p99 = (name: 'gatehouse' | 'static') => median(turns[name].map((turn) => turn.p99));
    findings.push(
      bar({
        bar: 'P5',
        what: `p99 at ${rate.toLocaleString('en-US')} scans/s, open loop`,
        measured: p99('gatehouse'),
        needed: { atMost: allowedMs },
        unit: 'ms',
        beside: `static reply: ${p99('static').toFixed(1)} ms`,
      }),
      figure(
        `open loop at ${rate}/s`,
        `p50 ${median(turns.gatehouse.map((turn) => turn.p50)).toFixed(2)} ms (static ${median(turns.static.map((turn) => turn.p50)).toFixed(2)} ms), ` +
          `CPU-µs a scan: node ${Math.round(median(turns.gatehouse.map((turn) => turn.nodeMs / turn.sent)) * 1000)}, ` +
          `PostgreSQL ${Math.round(median(turns.gatehouse.map((turn) => turn.postgresMs / turn.sent)) * 1000)}`,
      ),
    );
  }
  if (sizes.length < 2) return findings;
  const bySize = new Map(
    await Promise.all(
      sizes.map(async (size) => [String(size), await stage.gatehouse(await stage.dataset(size))] as const),
    ),
  );
  const names = sizes.map(String);
  const turns = await inTurn(names, rounds, (name) =>
    stage.drive(bySize.get(name)!, { connections: 128, durationMs: turnMs }),
  );
  const cost = (turn: Turn) => (turn.nodeMs + turn.postgresMs) / turn.sent;
  const [fewest, most] = [names[0]!, names.at(-1)!];
  findings.push(
    bar({
      bar: 'P5',
      what: `CPU of a scan with ${most} tickets, of that with ${fewest}`,
      measured: ratio(turns[most]!, turns[fewest]!, cost),
      needed: { atMost: 1.2 },
      unit: '×',
    }),
  );
  for (const name of names) {
    const of = (value: (turn: Turn) => number) => median(turns[name]!.map(value));
    findings.push(
      figure(
        `scans with ${name} tickets, 128 connections`,
        `${Math.round(of((turn) => turn.perSecond))}/s, CPU-µs each: node ${Math.round(of((turn) => turn.nodeMs / turn.sent) * 1000)}, ` +
          `PostgreSQL ${Math.round(of((turn) => turn.postgresMs / turn.sent) * 1000)}`,
      ),
    );
  }
  return findings;
};
