import type { RequestHandler } from 'express';
import type { Context } from '@gatehouse/events/contexts';
import type { Lag } from '@gatehouse/eventing/lag';
import { checkDatabase } from '@gatehouse/eventing/database-check';
import { opening } from '@gatehouse/eventing/opening';
import { migrate, openRequestPool } from '@gatehouse/eventing/postgres';
import { urlOf } from './address';
import type { Credentials, Events } from './auth';
import { openBackends, type Backends } from './backends';
import type { Config } from './config';
import { replyOf, unavailable } from './errors';
import { eventDocs } from './event-docs';
import { createHttp, drain, listen, type HotRoute, type Route } from './http';
import { IDEMPOTENCY_SQL, openIdempotency } from './idempotency';
import type { Log } from './log';
import { PLAIN_HEADERS, writeReply } from './reply';
import { watchStore } from './store-health';
import { startTelemetry, tellLags } from './telemetry';

/** What every part of a process gets. */
export type Platform = {
  readonly config: Config;
  readonly log: Log;
  readonly backends: Backends;
};

/** A bounded context as a process hosts it: opened once, however many services need it. */
export type ContextModule<C> = {
  readonly name: Context;
  /** How many connections to its database it needs to serve; a start looks whether they are free. */
  connections(config: Config): number;
  open(platform: Platform): Promise<OpenContext<C>>;
};

export type OpenContext<C> = {
  readonly value: C;
  /** Why the process may get no requests yet (`blocking`), and what is merely slow or broken. */
  health(): { blocking: readonly string[]; troubles: readonly string[] };
  /** How far projections, consumers and relays of this context are behind, whichever process runs them. */
  lags(): Promise<readonly Lag[]>;
  readonly credentials: Credentials;
  readonly events: Events;
  /** Flushes appends, then stops projections and relay; called when no request is at work any more. */
  close(): Promise<void>;
};

/** A service: the routes that it adds to a process, over the context that it belongs to. */
export type Service<C> = {
  readonly name: string;
  readonly context: ContextModule<C>;
  mount(context: C, platform: Platform): Mounted;
};

export type Mounted = {
  readonly routes?: readonly Route[];
  readonly hot?: readonly HotRoute[];
  /** Other APIs than the REST one, with their own layers. */
  readonly mounts?: readonly RequestHandler[];
};

export type Running = {
  readonly url: string;
  readonly port: number;
  /** Where /metrics is; null when it is not served. */
  readonly metricsPort: number | null;
  /** Unready, no new connections, requests finish, projections stop, connections close; at most 25 s. */
  close(): Promise<void>;
};

/** Idempotency keys live in a schema of their own: they belong to the transport, not to a context. */
const TRANSPORT = 'transport';
const TRANSPORT_CONNECTIONS = 2;
/** It keeps the lock of this process's claims. */
const OWNER_CONNECTIONS = 1;
const GRACE_MS = 15_000;

/** Runs services in this process until it is closed. `run([checkin])` is a deployment; so is `run([checkin, legacyDroid])`. */
export async function run(
  services: readonly Service<unknown>[],
  options: { config: Config; log: Log; databaseUrl?: string | undefined },
): Promise<Running> {
  return opening((opened) => start(services, options, opened));
}

async function start(
  services: readonly Service<unknown>[],
  { config, log, databaseUrl }: { config: Config; log: Log; databaseUrl?: string | undefined },
  opened: (close: () => unknown) => void,
): Promise<Running> {
  const telemetry = await startTelemetry(config.telemetry, {
    name: services.map((service) => service.name).join('+'),
    log,
  });
  opened(() => telemetry.stop());
  const backends = openBackends(config, databaseUrl);
  opened(() => backends.close());
  const modules = new Set(services.map((service) => service.context));
  await checkDatabases([...modules], { config, backends });
  const platform: Platform = { config, log, backends };
  const contexts = new Map<ContextModule<unknown>, OpenContext<unknown>>();
  for (const module of modules) {
    const context = await module.open(platform);
    opened(() => context.close());
    contexts.set(module, context);
  }
  const [first] = contexts;
  const [module, { credentials, events }] = first!;
  const serving = config.roles.has('http');
  const mounted = serving ? services.map((each) => each.mount(contexts.get(each.context)!.value, platform)) : [];
  const transport = openRequestPool(backends.urlOf(module.name), TRANSPORT, TRANSPORT_CONNECTIONS);
  opened(() => transport.end());
  await migrate(transport, TRANSPORT, IDEMPOTENCY_SQL);
  const idempotency = openIdempotency(transport, log);
  opened(() => idempotency.close());
  const keys = await watchStore(serving ? [transport] : [], { log, name: 'the database of idempotency keys' });
  opened(() => keys.close());
  let stopping = false;
  const { server } = createHttp({
    config,
    log,
    credentials,
    events,
    routes: mounted.flatMap((each) => each.routes ?? []),
    hot: serving ? mounted.flatMap((each) => each.hot ?? []) : [refuseRequests],
    mounts: [eventDocs(), ...mounted.flatMap((each) => each.mounts ?? [])],
    idempotency,
    ready: () => {
      const states = [...contexts.values()].map((context) => context.health());
      const blocking = [
        ...states.flatMap((state) => state.blocking),
        ...[keys.trouble()].filter((trouble) => trouble !== null),
        ...(stopping ? ['stopping'] : []),
      ];
      return { ready: blocking.length === 0, reasons: [...blocking, ...states.flatMap((state) => state.troubles)] };
    },
  });
  tellLags(async () => (await Promise.all([...contexts.values()].map((context) => context.lags()))).flat());
  const { port } = await listen(server, config);
  const roles = [...config.roles];
  log.info({ services: services.map(({ name }) => name), roles, host: config.host, port }, 'ready for requests');
  return {
    url: urlOf(config.host, port),
    port,
    metricsPort: telemetry.metricsPort,
    async close() {
      stopping = true;
      await drain(server, GRACE_MS);
      await Promise.all([...contexts.values()].map((context) => context.close()));
      keys.close();
      await idempotency.close();
      await transport.end();
      await backends.close();
      await telemetry.stop();
    },
  };
}

/** Each database once, with what all contexts in it need. */
async function checkDatabases(
  modules: readonly ContextModule<unknown>[],
  { config, backends }: { config: Config; backends: Backends },
): Promise<void> {
  const needs = new Map<string, number>();
  for (const [i, module] of modules.entries()) {
    const url = backends.urlOf(module.name);
    const own = module.connections(config) + (i === 0 ? TRANSPORT_CONNECTIONS + OWNER_CONNECTIONS : 0);
    needs.set(url, (needs.get(url) ?? 0) + own);
  }
  for (const [url, connections] of needs) await checkDatabase(url, connections);
}

/** A process without the role `http` answers probes only. A 404 would tell a scanner that its ticket is unknown. */
const refuseRequests: HotRoute = (req, res) => {
  if (/^\/(healthz|readyz)/.test(req.url)) return false;
  writeReply(res, replyOf(unavailable(5))!, PLAIN_HEADERS);
  return true;
};
