import { startServer, type Server } from './child';
import { memoryOf } from './cpu';
import type { Dataset } from './dataset';
import type { Measured } from './load-generator';
import type { Bench } from './parts';
import { bar, figure, type Finding } from './report';
import { inTurn, median, ratio, type Rounds } from './rounds';
import type { Stage, Target, Turn } from './stage';

/* The old scanners next to the new ones: the bars of issue 4. */

/** What a device holds (issue 4), and how many devices fetch it how often. */
const DOWNLOAD_TICKETS = 100_000;
const DEVICES = 200;
const EVERY_S = 30;
const SCANS_PER_SECOND = 500;
/** The size at which the memory for downloads is measured. */
const MANY_TICKETS = 1_000_000;

const CONNECTIONS = 128;
/** The number of turns: a percentile of 500 scans a second needs more scans than a turn of the other parts has. */
const TURNS = 5;

export const droid: Bench = async (stage, { rounds, turnMs, tickets, sizes }) => {
  const dataset = await stage.dataset(Math.min(DOWNLOAD_TICKETS, tickets));
  const findings = [
    ...(await redeems(stage, dataset, { rounds, turnMs })),
    ...(await downloads(stage, dataset, { rounds, turnMs })),
    ...(await beside(stage, dataset, { rounds, turnMs: TURNS * turnMs })),
    ...(await firstDownload(stage, dataset)),
  ];
  if (sizes.includes(MANY_TICKETS)) findings.push(...(await firstDownload(stage, await stage.dataset(MANY_TICKETS))));
  return findings;
};

type Plan = { readonly rounds: number; readonly turnMs: number };

/** Redeems the same tickets in the same process through both services. */
async function redeems(stage: Stage, dataset: Dataset, { rounds, turnMs }: Plan): Promise<Finding[]> {
  const targets = { droid: await stage.droid(dataset), checkin: await stage.gatehouse(dataset) };
  const turns = await inTurn(['droid', 'checkin'], rounds, (head) =>
    stage.drive(targets[head], { connections: CONNECTIONS, durationMs: turnMs }),
  );
  const cpu = (turn: Turn) => (turn.nodeMs + turn.postgresMs) / turn.sent;
  return [
    bar({
      bar: 'droid',
      what: "scans per second through the old scanners' API, of those through checkin, 128 connections",
      measured: ratio(turns.droid, turns.checkin, (turn) => turn.perSecond),
      needed: { atLeast: 0.9 },
      unit: '%',
    }),
    bar({
      bar: 'droid',
      what: "CPU of a scan through the old scanners' API, of one through checkin",
      measured: ratio(turns.droid, turns.checkin, cpu),
      needed: { atMost: 1.1 },
      unit: '%',
    }),
    ...(['droid', 'checkin'] as const).map((head) => scansFigure(`${head}, ${CONNECTIONS} connections`, turns[head])),
  ];
}

function scansFigure(what: string, turns: readonly Turn[]): Finding {
  const of = (value: (turn: Turn) => number) => median(turns.map(value));
  const each = (value: (turn: Turn) => number) => Math.round(of((turn) => value(turn) / turn.sent) * 1000);
  return figure(
    what,
    `${Math.round(of((turn) => turn.perSecond))}/s, p50 ${of((turn) => turn.p50).toFixed(1)} ms, p99 ${of((turn) => turn.p99).toFixed(1)} ms, ` +
      `CPU-µs each: node ${each((turn) => turn.nodeMs)}, PostgreSQL ${each((turn) => turn.postgresMs)}`,
  );
}

const GZIP = { 'Accept-Encoding': 'gzip' };
const WAYS = ['gzip', 'text', 'not modified'] as const;

/** The cost of a cached download: as the apps request it, without gzip, and for a device that has it already. */
async function downloads(stage: Stage, dataset: Dataset, { rounds, turnMs }: Plan): Promise<Finding[]> {
  const get = downloadOf(await dataset.newKey(await dataset.newList()));
  const first = await fetch(`http://127.0.0.1:${dataset.server.port}${get}`);
  await first.arrayBuffer();
  const headers = { gzip: GZIP, text: {}, 'not modified': { ...GZIP, 'If-None-Match': first.headers.get('etag')! } };
  const turns = await inTurn(WAYS, rounds, async (way) => {
    const before = stage.cpu(dataset);
    const measured = await stage.fetch(
      dataset.server,
      { get, headers: headers[way] },
      { connections: 8, durationMs: turnMs },
    );
    const after = stage.cpu(dataset);
    const status = way === 'not modified' ? '304' : '200';
    if (measured.statuses[status] !== measured.sent) {
      throw new Error(`a download was answered ${JSON.stringify(measured.statuses)}`);
    }
    return { ...measured, nodeMs: after.nodeMs - before.nodeMs, postgresMs: after.postgresMs - before.postgresMs };
  });
  return WAYS.map((way) => {
    const of = (value: (turn: (typeof turns)[typeof way][number]) => number) => median(turns[way].map(value));
    const perSecond = (value: number, elapsedMs: number) => (value / elapsedMs) * 1000;
    return figure(
      `download of ${dataset.positions} tickets, ${way}, 8 at once`,
      `${Math.round(of((turn) => perSecond(turn.sent, turn.elapsedMs)))}/s of ${(of((turn) => turn.bodyBytes / turn.sent) / 1e6).toFixed(2)} MB: ` +
        `${Math.round(of((turn) => perSecond(turn.bodyBytes, turn.elapsedMs)) / 1e6)} MB/s; ` +
        `CPU-ms each: node ${of((turn) => turn.nodeMs / turn.sent).toFixed(2)}, PostgreSQL ${of((turn) => turn.postgresMs / turn.sent).toFixed(2)}`,
    );
  });
}

/**
 * The load besides the scans. `elsewhere` sends the same bytes from another process, which shows how much of the effect is
 * the machine's.
 */
const BESIDE = ['devices', 'nothing', 'elsewhere'] as const;

/** Two hundred devices that fetch all tickets every thirty seconds from the process that scans go through. */
async function beside(stage: Stage, dataset: Dataset, { rounds, turnMs }: Plan): Promise<Finding[]> {
  const target = await stage.droid(dataset);
  const { server } = dataset;
  const fetched: Measured[] = [];
  let elsewhere: Server | undefined;
  const turns: Rounds<(typeof BESIDE)[number], Turn> = await inTurn(BESIDE, rounds, async (kind) => {
    const get = downloadOf(keyInUse(target));
    // Every device has downloaded before.
    const { bodyBytes: bytes, sent } = await stage.fetch(
      server,
      { get, headers: GZIP },
      { connections: 1, durationMs: 1 },
    );
    elsewhere ??= await startServer('bytes-server', { bytes: bytes / sent });
    const scans = stage.drive(target, { connections: 64, durationMs: turnMs, rate: SCANS_PER_SECOND });
    if (kind === 'nothing') return scans;
    const from = kind === 'devices' ? server : elsewhere;
    const shape = { connections: DEVICES, durationMs: turnMs, rate: DEVICES / EVERY_S };
    const [scanned, devices] = await Promise.all([scans, stage.fetch(from, { get, headers: GZIP }, shape)]);
    if (kind === 'devices') fetched.push(devices);
    return scanned;
  });
  await elsewhere?.stop();
  const p99 = (turn: Turn) => turn.p99;
  const counted = fetched.slice(1);
  return [
    bar({
      bar: 'droid',
      what: `p99 of ${SCANS_PER_SECOND} scans/s beside ${DEVICES} devices that fetch ${dataset.positions} tickets every ${EVERY_S} s, of that without`,
      measured: ratio(turns.devices, turns.nothing, p99),
      needed: { atMost: 2 },
      unit: '×',
      beside:
        `${median(turns.devices.map(p99)).toFixed(1)} ms, without ${median(turns.nothing.map(p99)).toFixed(1)} ms; ` +
        `the same bytes from a process of its own: ${ratio(turns.elsewhere, turns.nothing, p99).toFixed(2)}×`,
    }),
    scansFigure(`${SCANS_PER_SECOND} scans/s alone`, turns.nothing),
    scansFigure(`${SCANS_PER_SECOND} scans/s beside the devices`, turns.devices),
    scansFigure(`${SCANS_PER_SECOND} scans/s beside the same bytes from a process of its own`, turns.elsewhere),
    figure(
      `${DEVICES} devices beside ${SCANS_PER_SECOND} scans/s`,
      `a whole download p50 ${median(counted.map(({ p50 }) => p50)).toFixed(0)} ms, p99 ${median(counted.map((each) => each.p99)).toFixed(0)} ms, ` +
        `${(median(counted.map(({ bodyBytes, elapsedMs }) => bodyBytes / elapsedMs)) / 1000).toFixed(0)} MB/s`,
    ),
  ];
}

/** The key of the next scan's list. */
const keyInUse = ({ keys, next, dataset }: Target): string => keys![Math.floor(next / dataset.positions)]!;

/** In a process without a book: how long the first download takes, what it delays, and how much memory it keeps. */
async function firstDownload(stage: Stage, dataset: Dataset): Promise<Finding[]> {
  const get = downloadOf(await dataset.newKey(await dataset.newList()));
  const server = await startServer('gatehouse-server', { databaseUrl: dataset.databaseUrl });
  await dataset.settled();
  await idle(server);
  const before = { mb: memoryOf(server.pid).nowMb, ...stage.cpu({ server }) };
  const done = new AbortController();
  const stalls = watchStalls(server, done.signal);
  const first = await stage.fetch(server, { get, headers: GZIP }, { connections: 1, durationMs: 1 });
  done.abort();
  const longest = await stalls;
  const made = { mb: memoryOf(server.pid).nowMb, ...stage.cpu({ server }) };
  await stage.fetch(server, { get, headers: GZIP }, { connections: DEVICES, durationMs: 1, rate: DEVICES * 1000 });
  const after = memoryOf(server.pid);
  await server.stop();
  return [
    figure(
      `the first download of ${dataset.positions} tickets`,
      `${(first.p50 / 1000).toFixed(1)} s; meanwhile no other request waited longer than ${longest.toFixed(0)} ms; ` +
        `CPU-ms: node ${Math.round(made.nodeMs - before.nodeMs)}, PostgreSQL ${Math.round(made.postgresMs - before.postgresMs)}`,
    ),
    figure(
      `memory of a process that serves downloads of ${dataset.positions} tickets`,
      `${before.mb} MB before the first, ${made.mb} MB with it made, ${after.nowMb} MB after ${DEVICES} at once; never more than ${after.peakMb} MB`,
    ),
  ];
}

/** Waits until a process has finished its start. */
const idle = async (server: Server) => {
  for (let i = 0; i < 20; i++) {
    await fetch(`http://127.0.0.1:${server.port}/readyz`).then((answer) => answer.arrayBuffer());
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

/** The longest wait of the smallest request, in milliseconds. */
async function watchStalls(server: Server, signal: AbortSignal): Promise<number> {
  let longest = 0;
  while (!signal.aborted) {
    const startedAt = performance.now();
    await fetch(`http://127.0.0.1:${server.port}/healthz`).then((answer) => answer.arrayBuffer());
    longest = Math.max(longest, performance.now() - startedAt);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return longest;
}

const downloadOf = (key: string): string => `/pretixdroid/api/big/fest/download/?key=${key}`;
