import { openPool } from '@gatehouse/eventing/postgres';
import { settle } from './database';
import type { Dataset } from './dataset';
import type { Server } from './child';
import type { Measured } from './load-generator';
import type { Bench } from './parts';
import { bar, figure, type Finding } from './report';
import { inTurn, median, ratio, type Rounds } from './rounds';
import type { Stage, Turn } from './stage';

/* Scanners that copy orders, next to scanners that scan (issue 14). */

/** How many tickets a festival has, and how many devices ask how often for what has changed. */
const TICKETS = 100_000;
const DEVICES = 200;
const EVERY_S = 30;
const SCANS_PER_SECOND = 500;
/** Pages of 50 orders that each device takes each time: so many change in that time at the rate that gates reach (67 scans/s). */
const PAGES = 40;
const CONNECTIONS = 64;
/** The number of turns: a percentile of 500 scans a second needs more scans than a turn of the other parts has. */
const TURNS = 5;

const EVENT = '/api/v1/organizers/big/events/fest/';
/** As libpretixsync of today asks. */
const EXCLUDED =
  'testmode=false&exclude=downloads&exclude=payment_date&exclude=payment_provider&exclude=fees&exclude=positions.downloads';

export const sync: Bench = async (stage, { rounds, turnMs, tickets }) => {
  const dataset = await stage.dataset(Math.min(TICKETS, tickets));
  const server = await stage.server('gatehouse-server', { databaseUrl: dataset.databaseUrl, services: 'sync' });
  const pool = openPool(dataset.databaseUrl, 'sync', 1);
  try {
    await settle(pool, 'sync');
    return [
      ...(await requests({ stage, dataset, server }, { rounds, turnMs })),
      ...(await beside({ stage, dataset, server }, { rounds, turnMs: TURNS * turnMs })),
    ];
  } finally {
    await server.stop();
    await pool.end();
  }
};

type Place = { readonly stage: Stage; readonly dataset: Dataset; readonly server: Server };
type Plan = { readonly rounds: number; readonly turnMs: number };

const authorized = ({ token }: Dataset): Record<string, string> => ({ Authorization: `Token ${token}` });

/** What the requests of a synchronisation cost. */
async function requests({ stage, dataset, server }: Place, { rounds, turnMs }: Plan): Promise<Finding[]> {
  const items = `${EVENT}items/`;
  const first = await fetch(`http://127.0.0.1:${server.port}${items}`, { headers: authorized(dataset) });
  await first.arrayBuffer();
  const seen = { ...authorized(dataset), 'If-Modified-Since': first.headers.get('last-modified')! };
  const pages = Math.floor(dataset.positions / 2 / 50);
  const ways = {
    'a list that was seen (304)': { get: items, headers: seen },
    'a page of 50 orders that others have asked for': {
      get: `${EVENT}orders/?${EXCLUDED}&page=7`,
      headers: authorized(dataset),
    },
    [`page ${pages} of all orders, with what is printed`]: {
      get: `${EVENT}orders/?pdf_data=true&page=${pages}`,
      headers: authorized(dataset),
    },
    'orders that changed since now': {
      get: `${EVENT}orders/?${EXCLUDED}&ordering=-last_modified&modified_since=2999-01-01T00:00:00Z`,
      headers: authorized(dataset),
    },
  };
  const turns = await inTurn(Object.keys(ways), rounds, async (way) => {
    const before = stage.cpu({ server });
    const measured = await stage.fetch(server, ways[way]!, { connections: 8, durationMs: turnMs });
    const after = stage.cpu({ server });
    return { ...measured, nodeMs: after.nodeMs - before.nodeMs, postgresMs: after.postgresMs - before.postgresMs };
  });
  return Object.keys(ways).map((way) => {
    const of = (value: (turn: (typeof turns)[string][number]) => number) => median(turns[way]!.map(value));
    return figure(
      `${way}, ${dataset.positions} tickets, 8 at once`,
      `${Math.round(of(({ sent, elapsedMs }) => (sent / elapsedMs) * 1000))}/s; ` +
        `CPU-ms each: node ${of(({ nodeMs, sent }) => nodeMs / sent).toFixed(2)}, PostgreSQL ${of(({ postgresMs, sent }) => postgresMs / sent).toFixed(2)}`,
    );
  });
}

/** Two hundred devices that ask every thirty seconds what has changed, at a process of its own, while others scan. */
async function beside({ stage, dataset, server }: Place, { rounds, turnMs }: Plan): Promise<Finding[]> {
  const target = await stage.gatehouse(dataset);
  const fetched: Measured[] = [];
  const turns: Rounds<'devices' | 'nothing', Turn> = await inTurn(['devices', 'nothing'], rounds, async (kind) => {
    const scans = stage.drive(target, { connections: CONNECTIONS, durationMs: turnMs, rate: SCANS_PER_SECOND });
    if (kind === 'nothing') return scans;
    const since = new Date(Date.now() - EVERY_S * 1000).toISOString();
    const get = `${EVENT}orders/?${EXCLUDED}&ordering=-last_modified&modified_since=${since}`;
    const shape = { connections: DEVICES, durationMs: turnMs, rate: (DEVICES * PAGES) / EVERY_S };
    const [scanned, devices] = await Promise.all([
      scans,
      stage.fetch(server, { get, headers: authorized(dataset) }, shape),
    ]);
    fetched.push(devices);
    return scanned;
  });
  const p99 = (turn: Turn) => turn.p99;
  const counted = fetched.slice(1);
  return [
    bar({
      bar: 'sync',
      what: `p99 of ${SCANS_PER_SECOND} scans/s beside ${DEVICES} devices that take ${PAGES} pages of changed orders every ${EVERY_S} s, of that without`,
      measured: ratio(turns.devices, turns.nothing, p99),
      needed: { atMost: 2 },
      unit: '×',
      beside: `${median(turns.devices.map(p99)).toFixed(1)} ms, without ${median(turns.nothing.map(p99)).toFixed(1)} ms`,
    }),
    figure(
      `pages of changed orders beside ${SCANS_PER_SECOND} scans/s`,
      `p50 ${median(counted.map(({ p50 }) => p50)).toFixed(0)} ms, p99 ${median(counted.map((each) => each.p99)).toFixed(0)} ms, ` +
        `${(median(counted.map(({ bodyBytes, elapsedMs }) => bodyBytes / elapsedMs)) / 1000).toFixed(1)} MB/s`,
    ),
  ];
}
