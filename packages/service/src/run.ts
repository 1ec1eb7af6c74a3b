import type { RequestHandler } from 'express';
import { checkDatabase } from '@gatehouse/eventing/database-check';
import { opening } from '@gatehouse/eventing/opening';
import { migrate, openRequestPool } from '@gatehouse/eventing/postgres';
import { urlOf } from './address';
import { NO_ACCESS } from './auth';
import { openBackends, type Backends } from './backends';
import { ConfigError, type Config } from './config';
import type { ContextDefinition } from './context';
import { replyOf, unavailable } from './errors';
import { eventDocs } from './event-docs';
import { createHttp, drain, listen, type HotRoute, type Route } from './http';
import { connectionsOf, hostContext, type HostedContext, type Platform } from './host-context';
import { IDEMPOTENCY_SQL, openIdempotency, type Idempotency } from './idempotency';
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
  /** Ends what the routes have begun; called when no request is left. */
  close?(): Promise<void>;
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

/** Stored replies are in a schema of their own, one for all REST services: a key means the same whichever of them it is sent to (contract §1.10). */
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
  const serving = config.roles.has('http');
  const keysUrl = serving ? keysUrlOf(config, databaseUrl) : undefined;
  await checkDatabases(definitions, { config, backends, keysUrl });
  const platform: Platform = { config, log, backends };
  const contexts = new Map<ContextDefinition<unknown>, HostedContext<unknown>>();
  for (const definition of definitions) {
    const context = await hostContext(definition, platform);
    opened(() => context.close());
    contexts.set(definition, context);
  }
  const { credentials, events } = contexts.get(homeOf(definitions))!.access ?? NO_ACCESS;
  const mounted = serving ? services.map((each) => each.mount(contexts.get(each.context)!.value, platform)) : [];
  const replies = keysUrl === undefined ? undefined : await openReplies(keysUrl, log);
  opened(() => replies?.close());
  // In a database that no context here needs it is not what all requests depend on: those with a key get 503 while it is away.
  const isOurs = definitions.some(({ name }) => backends.urlOf(name) === keysUrl);
  let stopping = false;
  const { server } = createHttp({
    config,
    log,
    credentials,
    events,
    routes: mounted.flatMap((each) => each.routes ?? []),
    hot: serving ? mounted.flatMap((each) => each.hot ?? []) : [refuseRequests],
    mounts: [eventDocs(), ...mounted.flatMap((each) => each.mounts ?? [])],
    idempotency: replies?.idempotency ?? NO_KEYS,
    ready: () => {
      const states = [...contexts.values()].map((context) => context.health());
      const keyTrouble = replies?.trouble() ?? null;
      const keyTroubles = keyTrouble === null ? [] : [keyTrouble];
      const blocking = [
        ...states.flatMap((state) => state.blocking),
        ...(isOurs ? keyTroubles : []),
        ...(stopping ? ['stopping'] : []),
      ];
      const troubles = [...states.flatMap((state) => state.troubles), ...(isOurs ? [] : keyTroubles)];
      return { ready: blocking.length === 0, reasons: [...blocking, ...troubles] };
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
      for (const each of mounted) await each.close?.();
      await Promise.all([...contexts.values()].map((context) => context.close()));
      await replies?.close();
      await backends.close();
      await telemetry.stop();
    },
  };
}

/** Where stored replies are. Throws ConfigError when no setting says so: each process must find those of the others. */
function keysUrlOf(config: Config, databaseUrl: string | undefined): string {
  const url = config.idempotencyDatabaseUrl ?? databaseUrl;
  if (url !== undefined) return url;
  throw new ConfigError([
    'IDEMPOTENCY_DATABASE_URL must be set, to the same database for all REST services, where neither ADMISSION_DATABASE_URL nor DATABASE_URL is',
  ]);
}

/** Of a process without the role `http`, which refuses all requests. */
const NO_KEYS: Idempotency = {
  once: () => Promise.reject(unavailable(5)),
  recall: () => Promise.reject(unavailable(5)),
  close: () => Promise.resolve(),
};

/** Opens the stored replies in the database of `url`, and watches whether it is there. */
async function openReplies(url: string, log: Log) {
  return opening(async (opened) => {
    const pool = openRequestPool(url, TRANSPORT, TRANSPORT_CONNECTIONS);
    opened(() => pool.end());
    await migrate(pool, TRANSPORT, IDEMPOTENCY_SQL);
    const idempotency = openIdempotency(pool, log);
    opened(() => idempotency.close());
    const health = await watchStore([pool], { log, name: 'the database of idempotency keys' });
    return {
      idempotency,
      trouble: () => health.trouble(),
      async close() {
        health.close();
        await idempotency.close();
        await pool.end();
      },
    };
  });
}

/** The context whose knowledge of the shop says who may use the REST API. Without one: the first. */
function homeOf(definitions: readonly ContextDefinition<unknown>[]): ContextDefinition<unknown> {
  return definitions.find(({ access }) => access !== undefined) ?? definitions[0]!;
}

/** Checks each database once, for the connections of all contexts in it. */
async function checkDatabases(
  definitions: readonly ContextDefinition<unknown>[],
  { config, backends, keysUrl }: { config: Config; backends: Backends; keysUrl: string | undefined },
): Promise<void> {
  const needs = new Map<string, number>();
  if (keysUrl !== undefined) needs.set(keysUrl, TRANSPORT_CONNECTIONS + OWNER_CONNECTIONS);
  for (const definition of definitions) {
    const url = backends.urlOf(definition.name);
    needs.set(url, (needs.get(url) ?? 0) + connectionsOf(definition, config));
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
