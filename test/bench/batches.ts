import { setTimeout as sleep } from 'node:timers/promises';
import { startChild } from './child';
import { memoryOf } from './cpu';
import { EVENT_URL, LAYOUT } from './dataset';
import type { LongestStop } from './gatehouse-server';
import type { Bench } from './parts';
import { bar, figure } from './report';
import { median } from './rounds';
import type { Stage, Target } from './stage';
import type { UsualBatch, UsualBatchOptions } from './usual-batch';

/*
 * P8: a batch of 10,000 tickets is ordered and printed while people are admitted and reserve; compared with the same gates
 * and carts without it, and with the usual way to make a batch.
 */

const AMOUNT = 10_000;
const BATCHES = `${EVENT_URL}offlinesalesbatches/`;
/** What goes on at the gates and in the shop, per second. */
const SCANS = 500;
const RESERVATIONS = 100;
const CONNECTIONS = 64;
/** Often enough to tell when it was done; clients ask once a second. */
const ASK_MS = 20;
const LONGEST_MS = 120_000;
const MOST_TICKETS = 20_000;

type Made = { readonly createMs: number; readonly renderMs: number; readonly bytes: number };
type Beside = { readonly redeemP99: number; readonly cartP99: number; readonly stopMs: number };

export const batches: Bench = async (stage, { rounds, tickets }) => {
  const target = await stage.fresh(Math.min(MOST_TICKETS, tickets), 'analysed');
  const { server, databaseUrl } = target.dataset;
  const usual = startChild('usual-batch', { databaseUrl } satisfies UsualBatchOptions);
  const alone: Made[] = [];
  const busy: (Made & Beside)[] = [];
  const without: Beside[] = [];
  const peers: UsualBatch[] = [];
  let memory = { nowMb: 0, peakMb: 0 };
  try {
    // The first round is not counted.
    for (let round = 0; round <= rounds; round++) {
      const made = await makeBatch(target);
      const durationMs = Math.ceil(1.2 * (made.createMs + made.renderMs));
      const quiet = await beside(stage, target, durationMs);
      let during: Made | undefined;
      const loaded = await beside(stage, target, durationMs, async () => void (during = await makeBatch(target)));
      const peer = await usual.ask<UsualBatch>(AMOUNT);
      if (round === 0) continue;
      alone.push(made);
      without.push(quiet);
      busy.push({ ...during!, ...loaded });
      peers.push(peer);
    }
    memory = memoryOf(server.pid);
  } finally {
    await usual.stop();
    await target.dataset.close();
  }
  const of = <T>(all: readonly T[], value: (each: T) => number) => median(all.map(value));
  const times = (name: 'redeemP99' | 'cartP99') =>
    median(busy.map((each, round) => each[name] / without[round]![name]));
  const seconds = (ms: number) => `${(ms / 1_000).toFixed(2)} s`;
  const said = (all: readonly Made[]) =>
    `ordered in ${seconds(of(all, ({ createMs }) => createMs))}, printed in ${seconds(of(all, ({ renderMs }) => renderMs))} ` +
    `(${Math.round(of(all, ({ renderMs }) => (AMOUNT / renderMs) * 1_000))} pages/s, ${Math.round(of(all, ({ bytes }) => bytes / AMOUNT))} bytes a page)`;
  const amount = AMOUNT.toLocaleString('en-US');
  return [
    bar({
      bar: 'P8',
      what: `${amount} tickets: POST to 200 at check/`,
      measured: of(alone, ({ createMs }) => createMs),
      needed: { atMost: 1_000 },
      unit: 'ms',
    }),
    bar({
      bar: 'P8',
      what: `${amount} tickets: POST render/ to the PDF`,
      measured: of(alone, ({ renderMs }) => renderMs),
      needed: { atMost: 8_000 },
      unit: 'ms',
    }),
    bar({
      bar: 'P8',
      what: `redeem's p99 at ${SCANS}/s meanwhile, of that without`,
      measured: times('redeemP99'),
      needed: { atMost: 2 },
      unit: '×',
      beside: `${of(busy, ({ redeemP99 }) => redeemP99).toFixed(1)} ms and ${of(without, ({ redeemP99 }) => redeemP99).toFixed(1)} ms`,
    }),
    bar({
      bar: 'P8',
      what: `a reservation's p99 at ${RESERVATIONS}/s meanwhile, of that without`,
      measured: times('cartP99'),
      needed: { atMost: 2 },
      unit: '×',
      beside: `${of(busy, ({ cartP99 }) => cartP99).toFixed(1)} ms and ${of(without, ({ cartP99 }) => cartP99).toFixed(1)} ms`,
    }),
    bar({
      bar: 'P8',
      what: 'longest stop of the main thread meanwhile',
      measured: of(busy, ({ stopMs }) => stopMs),
      needed: { atMost: 30 },
      unit: 'ms',
      beside: `without: ${of(without, ({ stopMs }) => stopMs).toFixed(0)} ms`,
    }),
    figure(`a batch of ${amount}`, said(alone)),
    figure(`the same beside ${SCANS} scans/s and ${RESERVATIONS} reservations/s`, said(busy)),
    figure('the usual way: a transaction for each ticket, pdfkit with PNG codes', said(peers)),
    figure('memory of the process afterwards', `${memory.nowMb} MB, never more than ${memory.peakMb} MB`),
  ];
};

/** Orders a batch and prints it, as a client does. */
async function makeBatch({ dataset: { server, token } }: Target): Promise<Made> {
  const headers = { Authorization: `Token ${token}`, 'Content-Type': 'application/json' };
  const post = async (target: string, json: object): Promise<Record<string, string>> => {
    const reply = await fetch(`http://127.0.0.1:${server.port}${target}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(json),
    });
    if (reply.status !== 202) throw new Error(`${target}: ${reply.status} ${await reply.text()}`);
    return (await reply.json()) as Record<string, string>;
  };
  const done = async (url: string): Promise<Response> => {
    const startedAt = performance.now();
    while (performance.now() - startedAt < LONGEST_MS) {
      const reply = await fetch(url, { headers });
      if (reply.status === 200) return reply;
      const text = await reply.text();
      if (reply.status !== 409) throw new Error(`${url}: ${reply.status} ${text}`);
      await sleep(ASK_MS);
    }
    throw new Error(`${url} is not done after ${LONGEST_MS} ms`);
  };
  const orderedAt = performance.now();
  const { check } = await post(BATCHES, { item: 1, layout: LAYOUT, amount: AMOUNT });
  const { id, orders } = (await (await done(check!)).json()) as { id: number; orders: string[] };
  const createMs = performance.now() - orderedAt;
  if (new Set(orders).size !== AMOUNT) throw new Error(`a batch has ${new Set(orders).size} orders`);
  const printedAt = performance.now();
  const { download } = await post(`${BATCHES}${id}/render/`, {});
  const bytes = (await (await done(download!)).arrayBuffer()).byteLength;
  return { createMs, renderMs: performance.now() - printedAt, bytes };
}

/** Scans and reservations at a steady rate, and `work` beside them. */
async function beside(
  stage: Stage,
  target: Target,
  durationMs: number,
  work: () => Promise<void> = () => Promise.resolve(),
): Promise<Beside> {
  const { server, token } = target.dataset;
  const reserve = {
    post: `${EVENT_URL}cartpositions/`,
    headers: { Authorization: `Token ${token}` },
    json: { item: 1, price: '149.00', answers: [] },
  };
  const pace = { connections: CONNECTIONS, durationMs };
  await server.ask<LongestStop>('longest stop');
  const [scans, reservations] = await Promise.all([
    stage.drive(target, { ...pace, rate: SCANS }),
    stage.postBeside(server, reserve, { ...pace, rate: RESERVATIONS }),
    work(),
  ]);
  if (reservations.statuses['201'] !== reservations.sent) {
    throw new Error(`reservations: ${JSON.stringify(reservations.statuses)}`);
  }
  const { longestMs } = await server.ask<LongestStop>('longest stop');
  return { redeemP99: scans.p99, cartP99: reservations.p99, stopMs: longestMs };
}
