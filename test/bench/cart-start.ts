import { call } from '@gatehouse/service/testing';
import type { CartDataset } from './cart-dataset';
import { startServer } from './child';
import { memoryOf } from './cpu';
import { EVENT_URL } from './dataset';
import type { GatehouseOptions } from './gatehouse-server';
import { figure, type Finding } from './report';
import { median } from './rounds';

const TIMES = 3;

/** Start-up time and memory of a cart process on this dataset as it is now. */
export async function cartStart(dataset: CartDataset): Promise<Finding> {
  const starts: Start[] = [];
  for (let i = 0; i < TIMES; i++) starts.push(await start(dataset));
  const of = (value: (start: Start) => number) => Math.round(median(starts.map(value)));
  await dataset.settled();
  const { rows } = await dataset.pool.query<{ events: number; held: number }>(
    `select sum(revision)::integer as events, (select count(*)::integer from carts where held) as held from inventories`,
  );
  const { events, held } = rows[0]!;
  return figure(
    `start of cart with ${dataset.sold} sold places, ${events} events in the stream and ${held} open reservations`,
    `${of(({ openMs }) => openMs)} ms until it listens, ${of(({ firstMs }) => firstMs)} ms until the first reservation is answered; ` +
      `then ${of(({ nowMb }) => nowMb)} MB, never more than ${of(({ peakMb }) => peakMb)} MB`,
  );
}

/** Milliseconds since the start of the process, and its memory after the first reservation. */
type Start = { readonly openMs: number; readonly firstMs: number; readonly nowMb: number; readonly peakMb: number };

async function start({ databaseUrl, token }: CartDataset): Promise<Start> {
  const startedAt = performance.now();
  const options: GatehouseOptions = { databaseUrl, services: 'cart' };
  const server = await startServer('gatehouse-server', options);
  const openMs = performance.now() - startedAt;
  try {
    const json = { item: 1, price: '149.00', answers: [] };
    for (;;) {
      const { status, text } = await call(`http://127.0.0.1:${server.port}`, 'POST', `${EVENT_URL}cartpositions/`, {
        token,
        json,
      });
      if (status === 201) break;
      if (status !== 503) throw new Error(`a first reservation was answered ${status} ${text}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return { openMs, firstMs: performance.now() - startedAt, ...memoryOf(server.pid) };
  } finally {
    await server.stop();
  }
}
