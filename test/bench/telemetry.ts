import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Bench } from './parts';
import { bar, figure } from './report';
import { inTurn, median, ratio } from './rounds';
import type { Turn } from './stage';

const VARIANTS = ['off', 'off once more', 'metrics and 1 % of traces', 'metrics and all traces'] as const;
type Variant = (typeof VARIANTS)[number];
const SAMPLING: Readonly<Record<Variant, string | null>> = {
  off: null,
  'off once more': null,
  'metrics and 1 % of traces': '0.01',
  'metrics and all traces': '1',
};
const CONNECTIONS = 128;

/**
 * The cost of telemetry in a process that answers scans, compared with two without it; projections run in another process.
 */
export const telemetry: Bench = async (stage, { rounds, turnMs, tickets }) => {
  const dataset = await stage.dataset(tickets);
  // A collector that ignores everything.
  const collector = createServer((req, res) => req.resume().on('end', () => res.end()));
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  const settingsOf = (variant: Variant): Record<string, string> => {
    const sampling = SAMPLING[variant];
    return sampling === null
      ? { ROLES: 'http' }
      : { ROLES: 'http', METRICS_PORT: '0', OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, TRACE_SAMPLING: sampling };
  };
  const find = (variant: Variant) =>
    stage.replica(`telemetry ${variant}`, { of: dataset, settings: settingsOf(variant) });
  for (const variant of VARIANTS) await find(variant);
  const turns = await inTurn(VARIANTS, rounds, async (variant) =>
    stage.drive(await find(variant), { connections: CONNECTIONS, durationMs: turnMs }),
  );
  collector.closeAllConnections();
  collector.close();
  const each = (turn: Turn) => turn.nodeMs / turn.sent;
  // Two equal processes differ by some percent: results are compared with their mean, and their difference is reported.
  const without = turns.off.map((turn, round) => (each(turn) + each(turns['off once more'][round]!)) / 2);
  const more = (variant: Variant) => ratio(turns[variant].map(each), without, (cost) => cost) - 1;
  return [
    bar({
      bar: 'telemetry',
      what: 'node CPU of a scan with metrics and 1 % of traces, more than without',
      measured: more('metrics and 1 % of traces'),
      needed: { atMost: 0.05 },
      unit: '%',
    }),
    figure(
      'node CPU of a scan with metrics and all traces, more than without',
      `${(more('metrics and all traces') * 100).toFixed(0)} %`,
    ),
    figure(
      'node CPU of a scan in the second process without telemetry, more than in the first',
      `${((ratio(turns['off once more'], turns.off, each) - 1) * 100).toFixed(0)} %`,
    ),
    ...VARIANTS.map((variant) =>
      figure(
        `telemetry ${variant}, ${CONNECTIONS} connections`,
        `CPU-µs each: node ${Math.round(median(turns[variant].map(each)) * 1000)}`,
      ),
    ),
  ];
};
