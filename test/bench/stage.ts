import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { startEmbedded } from '@gatehouse/embedded-postgres/start-embedded';
import { call } from '@gatehouse/service/testing';
import { Client } from 'pg';
import { startChild, startServer, type Child, type Server } from './child';
import { openCartDataset, type CartDataset } from './cart-dataset';
import { cpuMsOf, parentOf, postgresCpuMs } from './cpu';
import { openDataset, type Dataset, type Fresh } from './dataset';
import type { Fetches, Load, Measured, Posts } from './load-generator';
import type { PeerOptions } from './peer-server';

/** A server for scans, and its tickets. */
export type Target = {
  readonly name: string;
  readonly server: Server;
  /** Further processes that do the same. */
  readonly others?: readonly Server[];
  readonly dataset: Dataset;
  /** The next unused (list, ticket) pair. Servers without a store can reuse them for ever. */
  next: number;
  lists: number[];
  /** For old scanners: the key of each list. */
  readonly keys?: string[];
  readonly isReal: boolean;
  /** Whether V8 has compiled its code. */
  isWarm: boolean;
};

/** One turn of a target: the generator's measurements, and CPU-milliseconds until the projections had caught up. */
export type Turn = Measured & {
  readonly perSecond: number;
  readonly nodeMs: number;
  readonly postgresMs: number;
  /** Time from the last reply until the read models had applied everything. */
  readonly lagMs: number;
};

export type Shape = { readonly connections: number; readonly durationMs: number; readonly rate?: number };

export type Stage = {
  readonly folder: string;
  dataset(positions: number): Promise<Dataset>;
  /** A dataset for reservations. */
  cartDataset(sold: number): Promise<CartDataset>;
  /** The real service on a dataset that was just imported while it ran; the caller closes the dataset. */
  fresh(positions: number, state: Fresh): Promise<Target>;
  /** Turns autovacuum on or off. */
  autovacuum(on: boolean): Promise<void>;
  /** The real service on this dataset. */
  gatehouse(dataset: Dataset): Promise<Target>;
  /** A further process of the real service on this dataset. */
  replica(name: string, at: { of: Dataset; settings: Readonly<Record<string, string>> }): Promise<Target>;
  /** The same server through the old scanners' API. */
  droid(dataset: Dataset): Promise<Target>;
  peer(kind: PeerKind, dataset: Dataset): Promise<Target>;
  /** A further process from a file of this folder. */
  server(file: string, options: unknown): Promise<Server>;
  drive(target: Target, shape: Shape): Promise<Turn>;
  /** Repeats one request from a separate generator, which may run beside scans. */
  fetch(from: Server, what: Pick<Fetches, 'get' | 'headers'>, shape: Shape): Promise<Measured>;
  /** Repeats one POST, spread over equal servers. */
  post(
    to: readonly Server[],
    what: Pick<Posts, 'post' | 'headers' | 'json' | 'until'>,
    shape: Shape,
  ): Promise<Measured>;
  /** The same from a separate generator, which may run beside scans. */
  postBeside(to: Server, what: Pick<Posts, 'post' | 'headers' | 'json'>, shape: Shape): Promise<Measured>;
  cpu(of: { readonly server: Server }): { nodeMs: number; postgresMs: number };
  close(): Promise<void>;
};

/** For one peer: more than it can use. */
const MOST_LISTS = 10_000;
/** The first list of a peer that writes what another one writes, too. */
const FIRST_LISTS: Partial<Record<PeerKind, number>> = { statement: 2_000_000, least: 3_000_000 };

/** Until V8 has optimised the code of a scan. */
const WARM_UP_MS = 4_000;

export type PeerKind = 'raw node:http' | 'default Express' | 'static' | 'least' | 'transaction' | 'statement';

/** PostgreSQL with durable settings, the datasets in it, the servers over them and the load generator. */
export async function openStage(options: { folder: string | undefined; nodeFlags: readonly string[] }): Promise<Stage> {
  const folder = options.folder ?? (await mkdtemp(path.join(tmpdir(), 'gatehouse-bench-')));
  await mkdir(folder, { recursive: true });
  // PostgreSQL does not run as root: its user must be able to enter.
  await chmod(folder, 0o755);
  const embedded = await startEmbedded({
    dataFolder: folder,
    log: () => undefined,
    takeOver: true,
    // Durable as usual; only more connections, since all variants run at once.
    settings: { max_connections: '300' },
  });
  const postmaster = await postmasterOf(embedded.url);
  const generator: Child = startChild('load-generator', {});
  let fetcher: Child | undefined;
  const beside = () => (fetcher ??= startChild('load-generator', {}));
  const datasets = new Map<number, Promise<Dataset>>();
  const cartDatasets = new Map<number, Promise<CartDataset>>();
  const targets = new Map<string, Promise<Target>>();
  const started: Server[] = [];
  let replies: Promise<Record<string, unknown>> | undefined;

  const dataset = (positions: number) => {
    const known = datasets.get(positions);
    const opened = known ?? openDataset(positions, { adminUrl: embedded.url, folder, nodeFlags: options.nodeFlags });
    datasets.set(positions, opened);
    return opened;
  };

  /** A reply of the real service, which all peers return. */
  const sampleReply = (from: Dataset) => (replies ??= takeReply(from));

  function target(key: string, open: () => Promise<Target>): Promise<Target> {
    const known = targets.get(key) ?? open();
    targets.set(key, known);
    return known;
  }

  async function turn(to: Target, { connections, durationMs, rate }: Shape): Promise<Turn> {
    const { dataset: of } = to;
    const servers = [to.server, ...(to.others ?? [])];
    const nodeNow = () => servers.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0);
    // Enough lists that each scan is the first of its ticket there.
    const most = Math.ceil((durationMs / 1000) * (rate ?? (to.isReal ? 20_000 : 40_000)));
    while (to.lists.length * of.positions < to.next + most) {
      to.lists.push(to.isReal ? await of.newList() : to.lists[0]! + to.lists.length);
      to.keys?.push(await of.newKey(to.lists.at(-1)!));
    }
    await of.settled();
    const load: Load = {
      ports: servers.map(({ port }) => port),
      connections,
      durationMs,
      ...(rate === undefined ? {} : { rate }),
      token: of.token,
      ...(to.keys === undefined ? {} : { keys: to.keys }),
      secrets: of.secrets,
      lists: to.lists,
      from: to.next,
    };
    const before = { node: nodeNow(), postgres: postgresCpuMs(postmaster) };
    const measured = await generator.ask<Measured>(load);
    const lagMs = to.isReal ? await of.settled() : 0;
    const nodeMs = nodeNow() - before.node;
    const postgresMs = postgresCpuMs(postmaster) - before.postgres;
    to.next += measured.sent;
    if (measured.statuses[to.keys ? '200 ok' : '201'] !== measured.sent || measured.sent === 0) {
      throw new Error(`${to.name} answered ${JSON.stringify(measured.statuses)} to ${measured.sent} scans`);
    }
    return { ...measured, perSecond: (measured.sent / measured.elapsedMs) * 1000, nodeMs, postgresMs, lagMs };
  }

  const files = { 'raw node:http': 'raw-server', 'default Express': 'express-server' } as const;

  return {
    folder,
    dataset,
    cartDataset(sold) {
      const known = cartDatasets.get(sold);
      const opened = known ?? openCartDataset(sold, { adminUrl: embedded.url, folder, nodeFlags: options.nodeFlags });
      cartDatasets.set(sold, opened);
      return opened;
    },
    async fresh(positions, state) {
      const of = await openDataset(positions, { adminUrl: embedded.url, folder, nodeFlags: options.nodeFlags }, state);
      const lists = [await of.newList()];
      // No warm-up: the gates have just opened.
      return { name: state, server: of.server, dataset: of, next: 0, lists, isReal: true, isWarm: true };
    },
    async autovacuum(on) {
      const client = new Client(embedded.url);
      await client.connect();
      await client.query(`alter system ${on ? 'reset autovacuum' : 'set autovacuum = off'}`);
      await client.query('select pg_reload_conf()');
      await client.end();
    },
    gatehouse: (of) =>
      target(`gatehouse ${of.positions}`, async () => ({
        name: 'gatehouse',
        server: of.server,
        dataset: of,
        next: 0,
        lists: [await of.newList()],
        isReal: true,
        isWarm: false,
      })),
    replica: (name, { of, settings }) =>
      target(name, async () => {
        const server = await startServer(
          'gatehouse-server',
          { databaseUrl: of.databaseUrl, settings },
          options.nodeFlags,
        );
        started.push(server);
        return { name, server, dataset: of, next: 0, lists: [await of.newList()], isReal: true, isWarm: false };
      }),
    droid: (of) =>
      target(`droid ${of.positions}`, async () => {
        const list = await of.newList();
        const keys = [await of.newKey(list)];
        return {
          name: 'droid',
          server: of.server,
          dataset: of,
          next: 0,
          lists: [list],
          keys,
          isReal: true,
          isWarm: false,
        };
      }),
    peer: (kind, of) =>
      target(`${kind} ${of.positions}`, async () => {
        const reply = await sampleReply(of);
        const { databaseUrl } = of;
        const store = kind === 'raw node:http' || kind === 'default Express' || kind === 'static' ? 'none' : kind;
        const server =
          kind in files
            ? await startServer(files[kind as keyof typeof files], { reply })
            : await startServer(
                'peer-server',
                { of: 'scan', store, reply, databaseUrl } satisfies PeerOptions,
                options.nodeFlags,
              );
        started.push(server);
        // Lists that no earlier bench on this data folder has used.
        const first = FIRST_LISTS[kind] ?? 1_000_000;
        await of.pool.query('delete from peers.checkins where list between $1 and $1 + 999999', [first]);
        await of.pool.query(
          `insert into peers.lists select id, 'big/fest' from generate_series($1::integer, $1 + $2) id on conflict do nothing`,
          [first, MOST_LISTS],
        );
        return { name: kind, server, dataset: of, next: 0, lists: [first], isReal: false, isWarm: false };
      }),
    server: (file, serverOptions) => startServer(file, serverOptions, options.nodeFlags),
    async drive(to, shape) {
      if (!to.isWarm) await turn(to, { connections: 64, durationMs: WARM_UP_MS });
      to.isWarm = true;
      return turn(to, shape);
    },
    fetch: (from, what, shape) => beside().ask<Measured>({ ports: [from.port], ...what, ...shape } satisfies Fetches),
    postBeside: (to, what, shape) => beside().ask<Measured>({ ports: [to.port], ...what, ...shape } satisfies Posts),
    post: (to, what, shape) =>
      generator.ask<Measured>({ ports: to.map(({ port }) => port), ...what, ...shape } satisfies Posts),
    cpu: (of) => ({ nodeMs: cpuMsOf(of.server.pid), postgresMs: postgresCpuMs(postmaster) }),
    async close() {
      await generator.stop();
      await fetcher?.stop();
      for (const server of started) await server.stop();
      for (const opened of [...datasets.values(), ...cartDatasets.values()]) {
        // A failure to open it has been reported already.
        await opened.then(
          (each) => each.close(),
          () => undefined,
        );
      }
      await embedded.stop();
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true });
    },
  };
}

async function takeReply(of: Dataset): Promise<Record<string, unknown>> {
  const secret = readFileSync(of.secrets, 'latin1').split('\n', 1)[0]!;
  const list = await of.newList();
  const answer = await call(
    `http://127.0.0.1:${of.server.port}`,
    'POST',
    `/api/v1/organizers/big/events/fest/checkinlists/${list}/positions/${secret}/redeem/`,
    { token: of.token, json: {} },
  );
  if (answer.status !== 201) throw new Error(`a first scan was refused: ${answer.text}`);
  return answer.body as Record<string, unknown>;
}

async function postmasterOf(url: string): Promise<number> {
  const client = new Client(url);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  const postmaster = parentOf(rows[0]!.pid);
  await client.end();
  return postmaster;
}
