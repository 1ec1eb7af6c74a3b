import type { Server } from './child';
import { cpuMsOf } from './cpu';
import type { Bench } from './parts';
import { figure } from './report';
import { inTurn, median } from './rounds';
import type { Target, Turn } from './stage';

const COUNTS = ['1', '2', '3'] as const;
const RATE = 500;
/** One per gate. */
const CONNECTIONS = 60;
/** At this low rate a short turn has too few scans. */
const TURN_MS = 6_000;

/** CPU-milliseconds by process, besides the turn's sums. */
type Shared = Turn & { readonly each: readonly number[]; readonly projectionsMs: number };

/** The cost of a scan for each process when 1, 2 or 3 of them share the same load and another one runs the projections. */
export const replicas: Bench = async (stage, { rounds, tickets }) => {
  const dataset = await stage.dataset(tickets);
  const servers: Server[] = [];
  const targets = new Map<string, Target>();
  for (const count of COUNTS) {
    const one = await stage.replica(`replica ${count}`, { of: dataset, settings: { ROLES: 'http' } });
    // Warmed up alone first.
    await stage.drive(one, { connections: CONNECTIONS, durationMs: 1_000 });
    servers.push(one.server);
    const [server, ...others] = servers as [Server, ...Server[]];
    targets.set(count, {
      ...one,
      name: `${count} replicas`,
      server,
      others,
      lists: [await dataset.newList()],
      next: 0,
    });
  }
  const turns = await inTurn(COUNTS, rounds, async (count): Promise<Shared> => {
    const used = servers.slice(0, Number(count));
    const now = () => ({ each: used.map(({ pid }) => cpuMsOf(pid)), projections: cpuMsOf(dataset.server.pid) });
    const before = now();
    const turn = await stage.drive(targets.get(count)!, { connections: CONNECTIONS, durationMs: TURN_MS, rate: RATE });
    const after = now();
    return {
      ...turn,
      each: after.each.map((ms, i) => ms - before.each[i]!),
      projectionsMs: after.projections - before.projections,
    };
  });
  return COUNTS.map((count) => {
    const of = (value: (turn: Shared) => number) => median(turns[count].map(value));
    const micros = (value: (turn: Shared) => number) => Math.round(of((turn) => value(turn) / turn.sent) * 1_000);
    const each = turns[count][0]!.each.map((_, i) => micros((turn) => turn.each[i]!));
    return figure(
      `${RATE} scans/s over ${count} ${count === '1' ? 'process' : 'processes'}`,
      `CPU-µs a scan by process: ${each.join(' + ')}, projections ${micros((turn) => turn.projectionsMs)}, ` +
        `PostgreSQL ${micros((turn) => turn.postgresMs)}; p50 ${of((turn) => turn.p50).toFixed(1)} ms, p99 ${of((turn) => turn.p99).toFixed(1)} ms`,
    );
  });
};
