import type { RequestHandler } from 'express';
import { checkDatabase } from '@gatehouse/eventing/database-check';
import { opening } from '@gatehouse/eventing/opening';
import { migrate, openRequestPool } from '@gatehouse/eventing/postgres';
import { urlOf } from './address';
import { NO_ACCESS } from './auth';
import { openBackends, type Backends } from './backends';
import type { Config } from './config';
import type { ContextDefinition } from './context';
import { replyOf, unavailable } from './errors';
import { eventDocs } from './event-docs';
import { createHttp, drain, listen, type HotRoute, type Route } from './http';
import { connectionsOf, hostContext, type HostedContext, type Platform } from './host-context';
import { IDEMPOTENCY_SQL, openIdempotency } from './idempotency';
import type { Log } from './log';
import { PLAIN_HEADERS, writeReply } from './reply';
import { watchStore } from './store-health';
import { startTelemetry, observeLags, observeStuck } from './telemetry';

/** A service: its context, and the routes that it adds to a process. */
export type Service<C> = {
  readonly name: string;
  readonly context: ContextDefinition<C>;
  mount(context: C, platform: Platform): Mounted;
};

export type Mounted = {
  readonly routes?: readonly Route[];
  readonly hot?: readonly HotRoute[];
  /** APIs other than the REST API, with their own layers. */
  readonly mounts?: readonly RequestHandler[];
};

export type Running = {
  readonly url: string;
  readonly port: number;
  /** Port of /metrics; null when it is not served. */
  readonly metricsPort: number | null;
  /**
   * Stops in this order, within 25 s: not ready, no new connections, requests finish, projections stop, connections close.
   */
  close(): Promise<void>;
};

/** The schema of idempotency keys, which belong to the transport layer, not to a context. */
const TRANSPORT = 'transport';
const TRANSPORT_CONNECTIONS = 2;
/** For the lock of this process's claims. */
const OWNER_CONNECTIONS = 1;
const GRACE_MS = 15_000;

/**
 * Runs services in this process until it is closed, any combination of them: `run([checkin])`, `run([checkin,
 * legacyDroid])`.
 */
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
  const definitions = [...new Set(services.map((service) => service.context))];
  const home = homeOf(definitions);
  await checkDatabases(definitions, { config, backends, home });
  const platform: Platform = { config, log, backends };
  const contexts = new Map<ContextDefinition<unknown>, HostedContext<unknown>>();
  for (const definition of definitions) {
    const context = await hostContext(definition, platform);
    opened(() => context.close());
    contexts.set(definition, context);
  }
  const { credentials, events } = contexts.get(home)!.access ?? NO_ACCESS;
  const serving = config.roles.has('http');
  const mounted = serving ? services.map((each) => each.mount(contexts.get(each.context)!.value, platform)) : [];
  const transport = openRequestPool(backends.urlOf(home.name), TRANSPORT, TRANSPORT_CONNECTIONS);
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
  observeLags(async () => (await Promise.all([...contexts.values()].map((context) => context.lags()))).flat());
  observeStuck(() => [...contexts.values()].flatMap((context) => context.consumers()));
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

/** The context with the credentials of the REST API, whose database also has the idempotency keys. Without one: the first. */
function homeOf(definitions: readonly ContextDefinition<unknown>[]): ContextDefinition<unknown> {
  return definitions.find(({ access }) => access !== undefined) ?? definitions[0]!;
}

/** Checks each database once, for the connections of all contexts in it. */
async function checkDatabases(
  definitions: readonly ContextDefinition<unknown>[],
  { config, backends, home }: { config: Config; backends: Backends; home: ContextDefinition<unknown> },
): Promise<void> {
  const needs = new Map<string, number>();
  for (const definition of definitions) {
    const url = backends.urlOf(definition.name);
    const transport = definition === home ? TRANSPORT_CONNECTIONS + OWNER_CONNECTIONS : 0;
    needs.set(url, (needs.get(url) ?? 0) + connectionsOf(definition, config) + transport);
  }
  for (const [url, connections] of needs) await checkDatabase(url, connections);
}

/**
 * A process without the role `http` answers probes only. For other requests 503, since to a scanner a 404 would mean that
 * its ticket is unknown.
 */
const refuseRequests: HotRoute = (req, res) => {
  if (/^\/(healthz|readyz)/.test(req.url)) return false;
  writeReply(res, replyOf(unavailable(5))!, PLAIN_HEADERS);
  return true;
};
