import { cartStart } from './cart-start';
import type { Measured } from './load-generator';
import type { Bench, Plan } from './parts';
import { bar, figure, type Finding } from './report';
import { inTurn, median, ratio } from './rounds';
import { MOST_PROCESSES, openSales, VARIANTS, type Costs, type Sales, type Variant } from './sales';

/*
 * P6: all callers want the same product. They sell it out as fast as they are answered, and then go on asking for it. The same is done with
 * peers behind the same HTTP layer: the usual ways to never oversell, and a static reply without a store.
 */

/** Numbers of callers, and of the processes that serve them. */
const CROWDS = [
  { callers: 1, processes: 1 },
  { callers: 64, processes: 1 },
  { callers: 512, processes: 1 },
  { callers: 64, processes: 3 },
  { callers: 512, processes: 3 },
] as const;
type Crowd = (typeof CROWDS)[number];
/** This many callers go on asking after the product is sold out. */
const STORM_CALLERS = 512;
/** The bars are about this one. */
const USUAL = CROWDS[1];

/** Reservations per second in an open loop. */
const RATE = 1_000;
const RATE_CONNECTIONS = 256;

/** The sale of a whole quota. */
type Sale = Costs & {
  readonly perSecond: number;
  /** Replies 409 (the event was locked) per reservation. */
  readonly conflicts: number;
  readonly storm: Costs | undefined;
};

export const reservations: Bench = async (stage, plan) => {
  const findings: Finding[] = [];
  for (const size of plan.sizes) findings.push(await cartStart(await stage.cartDataset(size)));
  const dataset = await stage.cartDataset(plan.tickets);
  const sales = await openSales(stage, dataset);
  try {
    findings.push(...(await closedLoops(sales, plan)), ...(await openLoop(sales, plan)), ...sales.outcome());
  } finally {
    await sales.close();
  }
  findings.push(await cartStart(dataset));
  return findings;
};

const isOk = (statuses: Measured['statuses'], allowed: readonly string[]) =>
  Object.keys(statuses).every((status) => allowed.includes(status));

/** Closed loop: each turn sells out a new product. */
async function closedLoops(sales: Sales, { rounds, turnMs }: Plan): Promise<Finding[]> {
  const perMs = new Map<Variant, number>();
  for (const variant of VARIANTS) perMs.set(variant, await warmUp(sales, variant, turnMs));
  const findings: Finding[] = [];
  for (const crowd of CROWDS) {
    const rates = new Map(perMs);
    // A guess for one caller, corrected by the first round.
    if (crowd.callers === 1) for (const [variant, rate] of rates) rates.set(variant, rate / 8);
    const turns = await inTurn(VARIANTS, rounds, async (variant) => {
      const sale = await sellOut(sales, { variant, crowd, turnMs, size: Math.ceil(rates.get(variant)! * turnMs) });
      rates.set(variant, sale.perSecond / 1_000);
      return sale;
    });
    findings.push(...found(crowd, turns));
  }
  return findings;
}

const WARM_UP_MS = 4_000;
const NO_END = 1_000_000_000;

/** Drives each process until V8 has optimised its code; returns the reservations per millisecond of one process. */
async function warmUp(sales: Sales, variant: Variant, turnMs: number): Promise<number> {
  return sales.selling(variant, NO_END, async (item) => {
    const warm = await sales.ask(variant, item, {
      connections: 64,
      processes: MOST_PROCESSES,
      durationMs: 2 * WARM_UP_MS,
    });
    const cold = await sales.ask(variant, item, { connections: 64, processes: 1, durationMs: turnMs });
    const reserved = cold.statuses['201'] ?? 0;
    return { told: reserved + (warm.statuses['201'] ?? 0), result: reserved / cold.elapsedMs };
  });
}

const LONGEST_SALE_MS = 120_000;

async function sellOut(
  sales: Sales,
  { variant, crowd, size, turnMs }: { variant: Variant; crowd: Crowd; size: number; turnMs: number },
): Promise<Sale> {
  const { callers, processes } = crowd;
  return sales.selling(variant, size, async (item) => {
    const durationMs = variant === 'static' ? turnMs : LONGEST_SALE_MS;
    const sold = await sales.ask(variant, item, { connections: callers, processes, durationMs, until: '400' });
    const told = sold.statuses['201'] ?? 0;
    const allowed = variant === 'event lock' ? ['201', '400', '409'] : ['201', '400'];
    if (!isOk(sold.statuses, allowed)) throw new Error(`${variant} answered ${JSON.stringify(sold.statuses)}`);
    if (variant !== 'static' && told !== size) throw new Error(`${variant} promised ${told} of ${size}`);
    let storm: Costs | undefined;
    if (callers === STORM_CALLERS) {
      storm = await sales.ask(variant, item, { connections: callers, processes, durationMs: turnMs });
      if (variant !== 'static' && !isOk(storm.statuses, allowed.slice(1))) {
        throw new Error(`${variant} was sold out and answered ${JSON.stringify(storm.statuses)}`);
      }
    }
    const perSecond = (told / sold.elapsedMs) * 1_000;
    const conflicts = (sold.statuses['409'] ?? 0) / told;
    return { told, result: { ...sold, perSecond, conflicts, storm } };
  });
}

const counted = (count: number, name: string): string =>
  `${count} ${name}${count === 1 ? '' : name.endsWith('s') ? 'es' : 's'}`;

type Turns = Readonly<Record<Variant, readonly Sale[]>>;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const each = ({ nodeMs, projectionsMs, postgresMs, sent }: Costs) => (sum(nodeMs) + projectionsMs + postgresMs) / sent;

function found(crowd: Crowd, turns: Turns): Finding[] {
  const { callers, processes } = crowd;
  const crowdText = `${counted(callers, 'caller')}, ${counted(processes, 'process')}`;
  const findings: Finding[] = [];
  const timesOf = (variant: Variant) => ratio(turns.gatehouse, turns[variant], ({ perSecond }) => perSecond);
  if (crowd === USUAL) {
    const staticMs = median(turns.static.map((sale) => sum(sale.nodeMs) / sale.sent));
    findings.push(
      bar({
        bar: 'P6',
        what: `reservations of one product, ${callers} callers, of SELECT … FOR UPDATE per request`,
        measured: timesOf('row lock'),
        needed: { atLeast: 10 },
        unit: '×',
        beside: `of the lock of the event: ${timesOf('event lock').toFixed(1)}×, of the static reply: ${(timesOf('static') * 100).toFixed(0)} %`,
      }),
      bar({
        bar: 'P6',
        what: `CPU of a reservation, all processes, ${callers} callers (7 × the static POST)`,
        measured: median(turns.gatehouse.map(each)),
        needed: { atMost: 7 * staticMs },
        unit: 'CPU-ms',
        beside: `row lock ${median(turns['row lock'].map(each)).toFixed(3)}, lock of the event ${median(turns['event lock'].map(each)).toFixed(3)}, static ${staticMs.toFixed(3)}`,
      }),
    );
  } else {
    findings.push(
      figure(
        `reservations, ${crowdText}, of the peers'`,
        `${timesOf('row lock').toFixed(1)}× the row lock, ${timesOf('event lock').toFixed(1)}× the lock of the event`,
      ),
    );
  }
  for (const variant of VARIANTS) {
    const conflicts = median(turns[variant].map((sale) => sale.conflicts));
    findings.push(
      figure(
        `${variant}, ${crowdText}`,
        `${Math.round(median(turns[variant].map(({ perSecond }) => perSecond)))}/s, ${said(turns[variant])}` +
          (conflicts > 0 ? `; ${conflicts.toFixed(2)} answers 409 for each reservation` : ''),
      ),
    );
  }
  for (const variant of VARIANTS) {
    const storms = turns[variant].flatMap(({ storm }) => storm ?? []);
    if (storms.length === 0) continue;
    const rate = Math.round(median(storms.map(({ sent, elapsedMs }) => (sent / elapsedMs) * 1_000)));
    findings.push(figure(`${variant}, sold out, ${crowdText}`, `${rate} answers/s, ${said(storms)}`));
  }
  return findings;
}

/** Latencies, and CPU per request by process. */
function said(costs: readonly Costs[]): string {
  const of = (value: (costs: Costs) => number) => median(costs.map(value));
  const micros = (value: (costs: Costs) => number) => Math.round(of((each) => value(each) / each.sent) * 1_000);
  const nodes = costs[0]!.nodeMs.map((_, i) => micros(({ nodeMs }) => nodeMs[i]!));
  return (
    `p50 ${of(({ p50 }) => p50).toFixed(1)} ms, p99 ${of(({ p99 }) => p99).toFixed(1)} ms; CPU-µs each: node ${nodes.join(' + ')}, ` +
    `projections ${micros(({ projectionsMs }) => projectionsMs)}, PostgreSQL ${micros(({ postgresMs }) => postgresMs)}`
  );
}

/** Open loop: latencies count from when a reservation was due. */
async function openLoop(sales: Sales, { rounds, turnMs }: Plan): Promise<Finding[]> {
  const variants = ['gatehouse', 'row lock', 'static'] as const;
  const turns = await inTurn(variants, rounds, (variant) =>
    sales.selling(variant, NO_END, async (item) => {
      const load = { connections: RATE_CONNECTIONS, processes: 1, durationMs: 2 * turnMs, rate: RATE };
      const costs = await sales.ask(variant, item, load);
      const told = costs.statuses['201'] ?? 0;
      if (told !== costs.sent) throw new Error(`${variant} answered ${JSON.stringify(costs.statuses)}`);
      return { told, result: costs };
    }),
  );
  const p99 = (variant: (typeof variants)[number]) => median(turns[variant].map((costs) => costs.p99));
  return [
    bar({
      bar: 'P6',
      what: `p99 at ${RATE.toLocaleString('en-US')} reservations/s of one product, open loop`,
      measured: p99('gatehouse'),
      needed: { atMost: 15 },
      unit: 'ms',
      beside: `row lock ${p99('row lock').toFixed(1)} ms, static reply ${p99('static').toFixed(1)} ms`,
    }),
    ...variants.map((variant) => figure(`${variant}, open loop at ${RATE}/s`, said(turns[variant]))),
  ];
}
