import type { Bench, Part } from './parts';
import { bar, figure, type Finding } from './report';
import { inTurn, median, ratio, type Rounds } from './rounds';
import type { Target, Turn } from './stage';

type Variant = 'gatehouse' | 'static' | 'least' | 'transaction' | 'statement';

/** P2, of the least durable scan at so many connections. */
const NEEDED_OF_LEAST: Readonly<Record<number, number>> = { 512: 0.7, 128: 0.5, 32: 0.6 };
const CONNECTIONS = [512, 128, 32] as const;

/** P2, P3, P4: durable scans compared with a static reply, the least that a durable scan can be, and the usual ways to make them exactly-once. */
export const scans: Bench = async (stage, { parts, rounds, turnMs, tickets }) => {
  const has = (part: Part) => parts.has(part);
  const dataset = await stage.dataset(tickets);
  const find = (variant: Variant): Promise<Target> =>
    variant === 'gatehouse' ? stage.gatehouse(dataset) : stage.peer(variant, dataset);
  const findings: Finding[] = [];
  for (const connections of CONNECTIONS) {
    const compares = (connections !== 32 && has('P3')) || (connections === 128 && has('P4'));
    if (!has('P2') && !compares) continue;
    const variants: Variant[] = [
      ...(['gatehouse', 'static'] as const),
      ...(has('P2') ? (['least'] as const) : []),
      ...(compares ? (['transaction', 'statement'] as const) : []),
    ];
    // All are running before the first is driven.
    for (const variant of variants) await find(variant);
    const turns = await inTurn(variants, rounds, async (variant) =>
      stage.drive(await find(variant), { connections, durationMs: turnMs }),
    );
    if (has('P2')) {
      findings.push(
        bar({
          bar: 'P2',
          what: `durable redeem of the least durable scan, ${connections} connections`,
          measured: ratio(turns.gatehouse, turns.least, perSecond),
          needed: { atLeast: NEEDED_OF_LEAST[connections]! },
          unit: '%',
        }),
        figure(
          `durable redeem of the static reply, ${connections} connections`,
          `${Math.round(100 * ratio(turns.gatehouse, turns.static, perSecond))} %`,
        ),
      );
    }
    if (connections === 512 && has('P3')) findings.push(...speed(turns));
    if (connections === 128 && has('P3')) findings.push(...reported(turns));
    if (connections === 128 && has('P4')) findings.push(...cost(turns));
    findings.push(...variants.map((variant) => figureOf(variant, connections, turns[variant])));
  }
  const { rows } = await dataset.pool.query<{ events: number }>('select count(*)::float8 as events from events');
  const each = (rows[0]!.events / dataset.positions).toFixed(1);
  return [...findings, figure('admission events per ticket at the end', each)];
};

function speed(turns: Rounds<Variant, Turn>): Finding[] {
  return [
    bar({
      bar: 'P3',
      what: 'durable redeem of a transaction per request, 512 connections',
      measured: ratio(turns.gatehouse, turns.transaction, perSecond),
      needed: { atLeast: 4 },
      unit: '×',
    }),
    bar({
      bar: 'P3',
      what: 'durable redeem of a single statement per request, 512 connections',
      measured: ratio(turns.gatehouse, turns.statement, perSecond),
      needed: { atLeast: 2 },
      unit: '×',
    }),
  ];
}

const reported = (turns: Rounds<Variant, Turn>): Finding[] =>
  (['transaction', 'statement'] as const).map((peer) =>
    figure(
      `durable redeem of a ${peer} per request, 128 connections`,
      `${ratio(turns.gatehouse, turns[peer], perSecond).toFixed(2)}×`,
    ),
  );

function cost(turns: Rounds<Variant, Turn>): Finding[] {
  const all = (turn: Turn) => nodeEach(turn) + postgresEach(turn);
  // performance.md allows 0.12 CPU-ms where the static POST costs 0.021.
  const allowed = (0.12 / 0.021) * median(turns.static.map(nodeEach));
  return [
    bar({
      bar: 'P4',
      what: 'node CPU of a durable scan, of the static POST',
      measured: ratio(turns.gatehouse, turns.static, nodeEach),
      needed: { atMost: 2.5 },
      unit: '×',
    }),
    bar({
      bar: 'P4',
      what: 'PostgreSQL CPU of a durable scan with its projections, of a transaction per request',
      measured: ratio(turns.gatehouse, turns.transaction, postgresEach),
      needed: { atMost: 0.2 },
      unit: '%',
    }),
    bar({
      bar: 'P4',
      what: 'CPU of a durable scan, all processes (0.12 where the static POST costs 0.021)',
      measured: median(turns.gatehouse.map(all)),
      needed: { atMost: allowed },
      unit: 'CPU-ms',
    }),
  ];
}

const perSecond = (turn: Turn) => turn.perSecond;
const nodeEach = (turn: Turn) => turn.nodeMs / turn.sent;
const postgresEach = (turn: Turn) => turn.postgresMs / turn.sent;

function figureOf(variant: Variant, connections: number, turns: readonly Turn[]): Finding {
  const of = (value: (turn: Turn) => number) => median(turns.map(value));
  const lag =
    variant === 'gatehouse' ? `, projections behind by ${of((turn) => turn.lagMs).toFixed(0)} ms at the end` : '';
  return figure(
    `${variant}, ${connections} connections`,
    `${Math.round(of(perSecond))}/s, p50 ${of((turn) => turn.p50).toFixed(1)} ms, p99 ${of((turn) => turn.p99).toFixed(1)} ms, ` +
      `CPU-µs each: node ${Math.round(of(nodeEach) * 1000)}, PostgreSQL ${Math.round(of(postgresEach) * 1000)}${lag}`,
  );
}
