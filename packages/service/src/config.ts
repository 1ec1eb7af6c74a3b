import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { CONTEXT_NAMES, type Context } from '@gatehouse/events/contexts';
import type { KafkaConnection } from '@gatehouse/eventing/kafka-client';
import { z } from 'zod';
import { ROLES, UPSTREAM_SETTINGS, type Role, type UpstreamService, type UpstreamSetting } from './services';
import { isBroker, isEventStoreUrl, isPostgresUrl, isProxy, isPublicUrl, isUpstream } from './setting-rules';

/** The configuration of a process, read once. No other code reads `process.env`. */
export type Config = {
  /** 0: any free port. */
  readonly port: number;
  readonly host: string;
  /** Absolute path of the folder for this installation's files (embedded PostgreSQL, generated secrets). */
  readonly dataFolder: string;
  /** Whether the demo festival is loaded into an empty installation. */
  readonly demo: boolean;
  /** A PostgreSQL of the user's own; undefined starts the embedded one. */
  readonly databaseUrl: string | undefined;
  /** URLs of contexts with a database of their own. */
  readonly databases: Partial<Readonly<Record<Context, string>>>;
  /** The database of stored replies, one for all REST services; undefined: the one that is opened for contexts without their own. */
  readonly idempotencyDatabaseUrl: string | undefined;
  readonly eventStore: EventStoreConfig;
  readonly eventBus: EventBusConfig;
  /** The tasks of this process. */
  readonly roles: ReadonlySet<Role>;
  /** The processes behind the gateway, by service, as `http://host:port`. */
  readonly upstreams: Readonly<Record<UpstreamService, readonly string[]>>;
  /** Scheme and host (and path) for clients, without a trailing slash; undefined: those of each request. */
  readonly publicUrl: string | undefined;
  /** Proxies whose X-Forwarded-* headers are trusted, in the format of Express's `trust proxy`. */
  readonly trustedProxies: readonly string[];
  /** The version of pretix that scanner apps are told, as `4.11.0`: they choose their requests by it. */
  readonly announcedVersion: string;
  readonly logLevel: LogLevel;
  readonly telemetry: {
    /** Undefined: no spans are sent. `sampling`: the share of sampled requests, from 0 to 1. */
    readonly traces: { readonly endpoint: string; readonly sampling: number } | undefined;
    /** Address of /metrics, separate from the clients' port; undefined: not served. Port 0: any free one. */
    readonly metricsAt: { readonly port: number; readonly host: string } | undefined;
  };
};

/** Where history is stored. In either case read models, checkpoints and idempotency keys are in PostgreSQL. */
export type EventStoreConfig = { readonly kind: 'postgres' } | { readonly kind: 'eventstoredb'; readonly url: string };

/** How events get to other contexts. With `postgres` a context follows the other's history in the same database. */
export type EventBusConfig = { readonly kind: 'postgres' } | ({ readonly kind: 'kafka' } & KafkaSettings);

/** A Kafka cluster and the settings of its topics. */
export type KafkaSettings = {
  readonly connection: KafkaConnection;
  /** Prefix of the names of topics and groups. */
  readonly prefix: string;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
};

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Names every wrong setting and the allowed values; never the value itself, since a database URL contains a password. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

const PROJECT = resolve(__dirname, '../../..');

/**
 * A setting: the schema for its text, a description of allowed values, and its text for another process with the same
 * configuration.
 */
type Setting<S extends z.ZodType> = {
  readonly schema: S;
  readonly allowed: string;
  readonly textOf: (config: Config) => string | number | undefined;
};

/** An empty variable counts as absent. */
const setting = <S extends z.ZodType>(schema: S, allowed: string, textOf: Setting<S>['textOf']) => ({
  schema: z.preprocess((text) => (text === '' ? undefined : text), schema),
  allowed,
  textOf,
});

const port = z
  .string()
  .regex(/^\d{1,5}$/)
  .transform(Number)
  .refine((number) => number <= 65_535);
const host = z.string().regex(/^[a-z0-9.:_-]+$/i);
const onOrOff = z.enum(['on', 'off']);
const count = z
  .string()
  .regex(/^[1-9]\d?$/)
  .transform(Number);

const list = (isAllowed: (part: string) => boolean) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((parts) => parts.every(isAllowed));

const PORT = 'a port number from 0 to 65535';
const HOST = 'a host name or an IP address to listen on';
const POSTGRES_URL = 'postgres://user:password@host:port/database';
const UPSTREAMS = 'a comma separated list of http://host:port';
const WEB_URL = 'an absolute http or https URL without query and fragment';
const REPLICAS = 'a number from 1 to 99';

const database = (urlOf: (config: Config) => string | undefined) =>
  setting(z.string().refine(isPostgresUrl).optional(), POSTGRES_URL, urlOf);

const kafkaOf = ({ eventBus }: Config) => (eventBus.kind === 'kafka' ? eventBus : undefined);
const connectionOf = (config: Config) => kafkaOf(config)?.connection;
const onlyKafka = (config: Config, text: string) => (kafkaOf(config) ? text : undefined);

const upstreamSetting = (service: UpstreamService) =>
  setting(list(isUpstream).default([]), UPSTREAMS, ({ upstreams }) => upstreams[service].join());

/** One for each service that answers requests. */
function upstreamSettings(): Record<UpstreamSetting, ReturnType<typeof upstreamSetting>> {
  const rows = UPSTREAM_SETTINGS.map(([service, name]) => [name, upstreamSetting(service)] as const);
  return Object.fromEntries(rows) as Record<UpstreamSetting, ReturnType<typeof upstreamSetting>>;
}

type DatabaseSetting = `${Uppercase<Context>}_DATABASE_URL`;
/** What names the database of a context: `ADMISSION_DATABASE_URL`. */
const databaseSettingOf = (context: Context) => `${context.toUpperCase()}_DATABASE_URL` as DatabaseSetting;

/** One for each context. */
function databaseSettings(): Record<DatabaseSetting, ReturnType<typeof database>> {
  const rows = CONTEXT_NAMES.map(
    (context) => [databaseSettingOf(context), database(({ databases }) => databases[context])] as const,
  );
  return Object.fromEntries(rows) as Record<DatabaseSetting, ReturnType<typeof database>>;
}

/** The list of settings. A new setting is a row here, its use in `Config` and `readConfig`, and a row in README.md. */
export const SETTINGS = {
  PORT: setting(port.default(8080), PORT, (config) => config.port),
  HOST: setting(host.default('127.0.0.1'), HOST, (config) => config.host),
  GATEHOUSE_DATA: setting(z.string().default('.gatehouse'), 'a path of a folder', (config) => config.dataFolder),
  GATEHOUSE_DEMO: setting(onOrOff.default('on'), 'on or off', ({ demo }) => (demo ? 'on' : 'off')),
  DATABASE_URL: database((config) => config.databaseUrl),
  ...databaseSettings(),
  IDEMPOTENCY_DATABASE_URL: database((config) => config.idempotencyDatabaseUrl),
  EVENT_STORE: setting(
    z.enum(['postgres', 'eventstoredb']).default('postgres'),
    'postgres or eventstoredb',
    ({ eventStore }) => eventStore.kind,
  ),
  EVENTSTORE_URL: setting(
    z.string().refine(isEventStoreUrl).optional(),
    'esdb://user:password@host:2113?tls=true, or esdb+discover://…',
    ({ eventStore }) => (eventStore.kind === 'eventstoredb' ? eventStore.url : undefined),
  ),
  EVENT_BUS: setting(
    z.enum(['postgres', 'kafka']).default('postgres'),
    'postgres or kafka',
    (config) => config.eventBus.kind,
  ),
  KAFKA_BROKERS: setting(list(isBroker).optional(), 'a comma separated list of host:port', (config) =>
    connectionOf(config)?.brokers.join(),
  ),
  KAFKA_TLS: setting(onOrOff.default('off'), 'on or off', (config) =>
    onlyKafka(config, connectionOf(config)?.tls ? 'on' : 'off'),
  ),
  KAFKA_CA: setting(
    z.string().startsWith('-----BEGIN CERTIFICATE-----').optional(),
    'the text of certificates in PEM',
    (config) => connectionOf(config)?.tls?.ca,
  ),
  KAFKA_SASL: setting(
    z.enum(SASL_MECHANISMS).optional(),
    SASL_MECHANISMS.join(', '),
    (config) => connectionOf(config)?.sasl?.mechanism,
  ),
  KAFKA_USERNAME: setting(z.string().optional(), 'a text', (config) => connectionOf(config)?.sasl?.username),
  KAFKA_PASSWORD: setting(z.string().optional(), 'a text', (config) => connectionOf(config)?.sasl?.password),
  KAFKA_PREFIX: setting(
    z
      .string()
      .regex(/^[a-zA-Z0-9_-]{1,80}$/)
      .default('gatehouse'),
    'at most 80 letters, digits, - and _',
    (config) => kafkaOf(config)?.prefix,
  ),
  KAFKA_REPLICATION_FACTOR: setting(count.default(3), REPLICAS, (config) => kafkaOf(config)?.replicationFactor),
  KAFKA_MIN_INSYNC_REPLICAS: setting(count.default(2), REPLICAS, (config) => kafkaOf(config)?.minInsyncReplicas),
  ROLES: setting(
    list((role) => ROLES.includes(role as Role))
      .transform((roles) => roles as Role[])
      .default([...ROLES]),
    `a comma separated list of ${ROLES.join(', ')}`,
    ({ roles }) => [...roles].join(),
  ),
  ...upstreamSettings(),
  PUBLIC_URL: setting(z.string().refine(isPublicUrl).optional(), WEB_URL, (config) => config.publicUrl),
  TRUSTED_PROXIES: setting(
    list(isProxy).default([]),
    'a comma separated list of IP addresses, CIDR ranges, loopback, linklocal, uniquelocal',
    (config) => config.trustedProxies.join(),
  ),
  // From 3.9 on apps offer exits, from 4.12 on they scan by several lists at once.
  ANNOUNCED_VERSION: setting(
    z
      .string()
      .regex(/^\d{1,4}(\.\d{1,3}){2}$/)
      .default('4.11.0'),
    'a version of pretix, as 4.11.0',
    (config) => config.announcedVersion,
  ),
  LOG_LEVEL: setting(z.enum(LOG_LEVELS).default('info'), LOG_LEVELS.join(', '), (config) => config.logLevel),
  METRICS_PORT: setting(port.optional(), PORT, ({ telemetry }) => telemetry.metricsAt?.port),
  METRICS_HOST: setting(host.default('127.0.0.1'), HOST, ({ telemetry }) => telemetry.metricsAt?.host),
  // Only checked for presence here; OpenTelemetry reads it and further OTEL_ variables itself.
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(
    z.string().refine(isPublicUrl).optional(),
    WEB_URL,
    ({ telemetry }) => telemetry.traces?.endpoint,
  ),
  TRACE_SAMPLING: setting(
    z
      .string()
      .regex(/^(0(\.\d+)?|1(\.0+)?)$/)
      .transform(Number)
      .default(0.01),
    'a number from 0 to 1, as 0.01',
    ({ telemetry }) => telemetry.traces?.sampling,
  ),
} satisfies Record<string, Setting<z.ZodType>>;

type SettingName = keyof typeof SETTINGS;
type Settings = { readonly [Name in SettingName]: z.output<(typeof SETTINGS)[Name]['schema']> };

const ENVIRONMENT = z.object(
  Object.fromEntries(Object.entries(SETTINGS).map(([name, { schema }]) => [name, schema])),
) as unknown as z.ZodType<Settings>;

/** The configuration in the environment; an empty variable counts as absent. Throws ConfigError. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const read = ENVIRONMENT.safeParse(env);
  if (!read.success) throw new ConfigError(problemsOf(read.error));
  const settings = read.data;
  const endpoint = settings.OTEL_EXPORTER_OTLP_ENDPOINT;
  const problems = contradictions(settings);
  if (problems.length > 0) throw new ConfigError(problems);
  return {
    port: settings.PORT,
    host: settings.HOST,
    dataFolder: resolve(PROJECT, settings.GATEHOUSE_DATA),
    demo: settings.GATEHOUSE_DEMO === 'on',
    databaseUrl: settings.DATABASE_URL,
    databases: databasesOf(settings),
    // By default where the gates' own history is, so that they need no further database.
    idempotencyDatabaseUrl:
      settings.IDEMPOTENCY_DATABASE_URL ?? settings.ADMISSION_DATABASE_URL ?? settings.DATABASE_URL,
    eventStore:
      settings.EVENT_STORE === 'postgres'
        ? { kind: 'postgres' }
        : { kind: 'eventstoredb', url: settings.EVENTSTORE_URL! },
    eventBus:
      settings.EVENT_BUS === 'postgres' ? { kind: 'postgres' } : { kind: 'kafka', ...kafkaSettingsOf(settings) },
    roles: new Set(settings.ROLES),
    upstreams: upstreamsOf(settings),
    publicUrl: settings.PUBLIC_URL?.replace(/\/+$/, ''),
    trustedProxies: settings.TRUSTED_PROXIES,
    announcedVersion: settings.ANNOUNCED_VERSION,
    logLevel: settings.LOG_LEVEL,
    telemetry: {
      traces: endpoint === undefined ? undefined : { endpoint, sampling: settings.TRACE_SAMPLING },
      metricsAt:
        settings.METRICS_PORT === undefined ? undefined : { port: settings.METRICS_PORT, host: settings.METRICS_HOST },
    },
  };
}

/**
 * Removes variables of other programs that would affect this process: PGHOST, PGSSLMODE, PGOPTIONS and the like, which the
 * database client reads (our databases are configured by URLs only), and a folder for temporary files that does not exist.
 */
export function ignoreForeignSettings(env: Record<string, string | undefined> = process.env): void {
  for (const name of Object.keys(env)) if (/^PG[A-Z]/.test(name)) delete env[name];
  for (const name of ['TMPDIR', 'TMP', 'TEMP']) if (env[name] && !existsSync(env[name])) delete env[name];
}

/** The environment for another process with the same configuration; other variables are inherited. */
export function environmentOf(
  config: Config,
  inherited: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string | undefined> {
  // An empty variable counts as absent and replaces an inherited one.
  const texts = Object.entries(SETTINGS).map(([name, { textOf }]) => [name, String(textOf(config) ?? '')]);
  return { ...inherited, ...(Object.fromEntries(texts) as Record<string, string>) };
}

/** Errors of settings that are valid individually but not in combination. */
function contradictions(settings: Settings): string[] {
  const problems: string[] = [];
  const needs = (name: SettingName, why: string) => {
    if (settings[name] === undefined) problems.push(`${name} must be set ${why}: ${SETTINGS[name].allowed}`);
  };
  if (settings.EVENT_STORE === 'eventstoredb') needs('EVENTSTORE_URL', 'with EVENT_STORE=eventstoredb');
  if (settings.EVENT_BUS === 'kafka') {
    needs('KAFKA_BROKERS', 'with EVENT_BUS=kafka');
    if (settings.KAFKA_SASL !== undefined) needs('KAFKA_USERNAME', 'with KAFKA_SASL');
    if (settings.KAFKA_SASL !== undefined) needs('KAFKA_PASSWORD', 'with KAFKA_SASL');
    if (settings.KAFKA_MIN_INSYNC_REPLICAS > settings.KAFKA_REPLICATION_FACTOR) {
      problems.push(
        'KAFKA_MIN_INSYNC_REPLICAS must be at most KAFKA_REPLICATION_FACTOR: else nothing could be written',
      );
    }
  } else {
    const urls = CONTEXT_NAMES.map((context) => settings[databaseSettingOf(context)] ?? settings.DATABASE_URL);
    if (new Set(urls.map(databaseOf)).size > 1) {
      problems.push(
        `EVENT_BUS must be kafka when ${CONTEXT_NAMES.map(databaseSettingOf).join(', ')} do not all name the same database ` +
          '(what is not set is DATABASE_URL): with postgres, a context reads the events of others where they are stored, in its own database',
      );
    }
  }
  return problems;
}

function databasesOf(settings: Settings): Config['databases'] {
  const urls = CONTEXT_NAMES.map((context) => [context, settings[databaseSettingOf(context)]] as const);
  return Object.fromEntries(urls.filter(([, url]) => url !== undefined));
}

function upstreamsOf(settings: Settings): Config['upstreams'] {
  const upstreams: Partial<Record<UpstreamService, readonly string[]>> = {};
  for (const [service, name] of UPSTREAM_SETTINGS) upstreams[service] = settings[name];
  return upstreams as Config['upstreams'];
}

/** Host and database of a URL, without the user. */
function databaseOf(text: string | undefined): string {
  if (text === undefined) return 'embedded';
  const { hostname, port, pathname } = new URL(text);
  return `${hostname}:${port || '5432'}${pathname}`;
}

function kafkaSettingsOf(settings: Settings): KafkaSettings {
  const { KAFKA_BROKERS, KAFKA_TLS, KAFKA_CA, KAFKA_SASL, KAFKA_USERNAME, KAFKA_PASSWORD } = settings;
  return {
    connection: {
      brokers: KAFKA_BROKERS!,
      ...(KAFKA_TLS === 'on' ? { tls: KAFKA_CA === undefined ? {} : { ca: KAFKA_CA } } : {}),
      ...(KAFKA_SASL === undefined
        ? {}
        : { sasl: { mechanism: KAFKA_SASL, username: KAFKA_USERNAME!, password: KAFKA_PASSWORD! } }),
    },
    prefix: settings.KAFKA_PREFIX,
    replicationFactor: settings.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: settings.KAFKA_MIN_INSYNC_REPLICAS,
  };
}

function problemsOf(error: z.ZodError): string[] {
  const names = new Set(error.issues.map((issue) => String(issue.path[0])));
  return [...names].map((name) => `${name} must be ${SETTINGS[name as SettingName].allowed}`);
}
