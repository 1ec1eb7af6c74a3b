import { call } from '@gatehouse/service/testing';
import type { CartDataset } from './cart-dataset';
import type { Server } from './child';
import { cpuMsOf, memoryOf } from './cpu';
import { EVENT_URL } from './dataset';
import type { GatehouseOptions } from './gatehouse-server';
import type { Measured } from './load-generator';
import type { PeerOptions } from './peer-server';
import { bar, figure, type Finding } from './report';
import type { Shape, Stage } from './stage';

/** Our service, the two usual ways to reserve places, and a static reply without a store. */
export const VARIANTS = ['gatehouse', 'row lock', 'event lock', 'static'] as const;
export type Variant = (typeof VARIANTS)[number];

/** Processes of each variant; a sale may use fewer. */
export const MOST_PROCESSES = 3;

/** The load: over how many processes it is spread, and the status that ends it. */
export type Rush = Shape & { readonly processes: number; readonly until?: string };

/** Latencies, and CPU-milliseconds until the read models had caught up. */
export type Costs = Measured & {
  /** By process that answers requests. */
  readonly nodeMs: readonly number[];
  readonly projectionsMs: number;
  readonly postgresMs: number;
};

/** The servers of all variants, and sales through them. */
export type Sales = Awaited<ReturnType<typeof openSales>>;

export async function openSales(stage: Stage, dataset: CartDataset) {
  const { databaseUrl, token } = dataset;
  const servers = new Map<Variant, readonly Server[]>();
  const start = async (variant: Variant, file: string, options: GatehouseOptions | PeerOptions) =>
    servers.set(variant, await Promise.all(Array.from({ length: MOST_PROCESSES }, () => stage.server(file, options))));
  await start('gatehouse', 'gatehouse-server', { databaseUrl, settings: { ROLES: 'http' }, services: 'cart' });
  const reply = await sampleReply(servers.get('gatehouse')![0]!, token);
  const peer = { of: 'reservation', reply, databaseUrl } as const;
  await start('row lock', 'peer-server', { ...peer, store: 'row lock' });
  await start('event lock', 'peer-server', { ...peer, store: 'event lock' });
  await start('static', 'peer-server', { ...peer, store: 'none' });
  let wrong = 0;
  let sold = 0;

  /** Sends reservations of one product and measures all processes meanwhile. */
  async function ask(of: Variant, item: number, { processes, until, ...shape }: Rush): Promise<Costs> {
    const asked = servers.get(of)!.slice(0, processes);
    const now = () => ({
      node: asked.map(({ pid }) => cpuMsOf(pid)),
      projections: cpuMsOf(dataset.projections.pid),
      postgres: stage.cpu({ server: asked[0]! }).postgresMs,
    });
    const what = {
      post: `${EVENT_URL}cartpositions/`,
      headers: { Authorization: `Token ${token}` },
      json: wishFor(item),
      ...(until === undefined ? {} : { until }),
    };
    const before = now();
    const measured = await stage.post(asked, what, shape);
    await dataset.settled();
    const after = now();
    return {
      ...measured,
      nodeMs: after.node.map((ms, i) => ms - before.node[i]!),
      projectionsMs: after.projections - before.projections,
      postgresMs: after.postgres - before.postgres,
    };
  }

  /** Creates a product with this many places and lets `work` sell them; then compares the database with what callers were told. */
  async function selling<T>(
    of: Variant,
    size: number,
    work: (item: number) => Promise<{ told: number; result: T }>,
  ): Promise<T> {
    if (of === 'static') return (await work(0)).result;
    const offer = await dataset.offer(size, of === 'gatehouse' ? servers.get(of)! : []);
    const { told, result } = await work(offer.item);
    const reserved = await dataset.reserved(offer, of === 'gatehouse' ? 'us' : 'peers');
    sold++;
    if (reserved !== told || reserved > size) {
      wrong++;
      process.stderr.write(`${of}: of ${size} places ${reserved} were reserved and ${told} promised\n`);
    }
    return result;
  }

  return {
    ask,
    selling,
    outcome(): Finding[] {
      const memory = servers.get('gatehouse')!.map(({ pid }) => `${memoryOf(pid).nowMb} MB`);
      const left = figure('memory of our processes after all sales', memory.join(', '));
      const truth = bar({
        bar: 'P6',
        what: `sales, of ${sold}, with fewer or more reservations in the database than callers were told, or more than places`,
        measured: wrong,
        needed: { atMost: 0 },
        unit: '',
      });
      return [truth, left];
    },
    async close() {
      for (const each of [...servers.values()].flat()) await each.stop();
    },
  };
}

/** Without a cart id, so that each reservation gets a new cart. */
const wishFor = (item: number) => ({
  item,
  price: '23.00',
  attendee_name_parts: { given_name: 'Peter', family_name: 'Miller' },
  attendee_email: 'peter@example.org',
  answers: [],
});

/** A reply of the real service, which the peers send as well. */
async function sampleReply({ port }: Server, token: string): Promise<Record<string, unknown>> {
  const answer = await call(`http://127.0.0.1:${port}`, 'POST', `${EVENT_URL}cartpositions/`, {
    token,
    json: wishFor(1),
  });
  if (answer.status !== 201) throw new Error(`a reservation was refused: ${answer.status} ${answer.text}`);
  return answer.body as Record<string, unknown>;
}
