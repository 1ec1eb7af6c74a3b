import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import type { Context } from '@gatehouse/events/envelope';
import type { KafkaConnection } from '@gatehouse/eventing/kafka-client';
import { z } from 'zod';

/** The whole configuration of a process, read once. Nothing else in the project reads `process.env`. */
export type Config = {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Absolute path of the folder for what this installation keeps (embedded PostgreSQL, generated secrets). */
  readonly dataFolder: string;
  /** Whether the demo festival is loaded into an empty installation. */
  readonly demo: boolean;
  /** A PostgreSQL of the user's own; undefined starts the embedded one. */
  readonly databaseUrl: string | undefined;
  /** Contexts that have a database of their own. */
  readonly databases: Partial<Readonly<Record<Context, string>>>;
  readonly eventStore: EventStoreConfig;
  readonly eventBus: EventBusConfig;
  /** What this process does: `http` answers requests, `projections` fills read models, `relay` publishes to Kafka. */
  readonly roles: ReadonlySet<Role>;
  /** The processes that the gateway sends requests to, as `http://host:port`. */
  readonly upstreams: { readonly checkin: readonly string[]; readonly legacyDroid: readonly string[] };
  /** Scheme and host (and path) that clients see, without a slash at its end; undefined: as each request came in. */
  readonly publicUrl: string | undefined;
  /** Proxies whose X-Forwarded-* headers are believed, as Express's `trust proxy` takes them. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: LogLevel;
  readonly telemetry: {
    /** Undefined: no spans are sent. `sampling`: the share of requests that have them, from 0 to 1. */
    readonly traces: { readonly endpoint: string; readonly sampling: number } | undefined;
    /** Where /metrics is served, apart from what clients reach; undefined: nowhere. Port 0 takes any free one. */
    readonly metricsAt: { readonly port: number; readonly host: string } | undefined;
  };
};

/** Where history is kept. Either way read models, checkpoints and idempotency keys are in PostgreSQL. */
export type EventStoreConfig = { readonly kind: 'postgres' } | { readonly kind: 'eventstoredb'; readonly url: string };

/** What carries events between contexts. With `postgres` a context follows the other's history in the same database. */
export type EventBusConfig = { readonly kind: 'postgres' } | ({ readonly kind: 'kafka' } & KafkaSettings);

/** A Kafka, and how its topics are to be. */
export type KafkaSettings = {
  readonly connection: KafkaConnection;
  /** What names of topics and groups begin with. */
  readonly prefix: string;
  readonly replicationFactor: number;
  readonly minInsyncReplicas: number;
};

export const ROLES = ['http', 'projections', 'relay'] as const;
export type Role = (typeof ROLES)[number];

const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Names every wrong setting and what is allowed; never a value, since a database URL carries a password. */
export class ConfigError extends Error {
  override name = 'ConfigError';
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

const PROJECT = resolve(__dirname, '../../..');

const setting = <T extends z.ZodType>(schema: T) => z.preprocess((text) => (text === '' ? undefined : text), schema);

const port = z
  .string()
  .regex(/^\d{1,5}$/)
  .transform(Number)
  .refine((number) => number <= 65_535);
const host = z.string().regex(/^[a-z0-9.:_-]+$/i);

const list = (isAllowed: (part: string) => boolean) =>
  z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((parts) => parts.every(isAllowed));

const count = () =>
  z
    .string()
    .regex(/^[1-9]\d?$/)
    .transform(Number);

const SETTINGS = z.object({
  PORT: setting(port.default(8080)),
  HOST: setting(host.default('127.0.0.1')),
  GATEHOUSE_DATA: setting(z.string().default('.gatehouse')),
  GATEHOUSE_DEMO: setting(z.enum(['on', 'off']).default('on')),
  DATABASE_URL: setting(z.string().refine(isPostgresUrl).optional()),
  ADMISSION_DATABASE_URL: setting(z.string().refine(isPostgresUrl).optional()),
  REFERENCE_DATABASE_URL: setting(z.string().refine(isPostgresUrl).optional()),
  EVENT_STORE: setting(z.enum(['postgres', 'eventstoredb']).default('postgres')),
  EVENTSTORE_URL: setting(z.string().refine(isEventStoreUrl).optional()),
  EVENT_BUS: setting(z.enum(['postgres', 'kafka']).default('postgres')),
  KAFKA_BROKERS: setting(list(isBroker).optional()),
  KAFKA_TLS: setting(z.enum(['on', 'off']).default('off')),
  KAFKA_CA: setting(z.string().startsWith('-----BEGIN CERTIFICATE-----').optional()),
  KAFKA_SASL: setting(z.enum(SASL_MECHANISMS).optional()),
  KAFKA_USERNAME: setting(z.string().optional()),
  KAFKA_PASSWORD: setting(z.string().optional()),
  KAFKA_PREFIX: setting(
    z
      .string()
      .regex(/^[a-zA-Z0-9_-]{1,80}$/)
      .default('gatehouse'),
  ),
  KAFKA_REPLICATION_FACTOR: setting(count().default(3)),
  KAFKA_MIN_INSYNC_REPLICAS: setting(count().default(2)),
  ROLES: setting(
    list((role) => ROLES.includes(role as Role))
      .transform((roles) => roles as Role[])
      .default([...ROLES]),
  ),
  CHECKIN_URLS: setting(list(isUpstream).default([])),
  LEGACY_DROID_URLS: setting(list(isUpstream).default([])),
  PUBLIC_URL: setting(z.string().refine(isPublicUrl).optional()),
  TRUSTED_PROXIES: setting(list(isProxy).default([])),
  LOG_LEVEL: setting(z.enum(LOG_LEVELS).default('info')),
  METRICS_PORT: setting(port.optional()),
  METRICS_HOST: setting(host.default('127.0.0.1')),
  // Read here for whether there is one; OpenTelemetry itself reads it, and what else begins with OTEL_.
  OTEL_EXPORTER_OTLP_ENDPOINT: setting(z.string().refine(isPublicUrl).optional()),
  TRACE_SAMPLING: setting(
    z
      .string()
      .regex(/^(0(\.\d+)?|1(\.0+)?)$/)
      .transform(Number)
      .default(0.01),
  ),
});

const POSTGRES_URL = 'postgres://user:password@host:port/database';

const ALLOWED: Record<keyof typeof SETTINGS.shape, string> = {
  PORT: 'a port number from 0 to 65535',
  HOST: 'a host name or an IP address to listen on',
  GATEHOUSE_DATA: 'a path of a folder',
  GATEHOUSE_DEMO: 'on or off',
  DATABASE_URL: POSTGRES_URL,
  ADMISSION_DATABASE_URL: POSTGRES_URL,
  REFERENCE_DATABASE_URL: POSTGRES_URL,
  EVENT_STORE: 'postgres or eventstoredb',
  EVENTSTORE_URL: 'esdb://user:password@host:2113?tls=true, or esdb+discover://…',
  EVENT_BUS: 'postgres or kafka',
  KAFKA_BROKERS: 'a comma separated list of host:port',
  KAFKA_TLS: 'on or off',
  KAFKA_CA: 'the text of certificates in PEM',
  KAFKA_SASL: SASL_MECHANISMS.join(', '),
  KAFKA_USERNAME: 'a text',
  KAFKA_PASSWORD: 'a text',
  KAFKA_PREFIX: 'at most 80 letters, digits, - and _',
  KAFKA_REPLICATION_FACTOR: 'a number from 1 to 99',
  KAFKA_MIN_INSYNC_REPLICAS: 'a number from 1 to 99',
  ROLES: `a comma separated list of ${ROLES.join(', ')}`,
  CHECKIN_URLS: 'a comma separated list of http://host:port',
  LEGACY_DROID_URLS: 'a comma separated list of http://host:port',
  PUBLIC_URL: 'an absolute http or https URL without query and fragment',
  TRUSTED_PROXIES: 'a comma separated list of IP addresses, CIDR ranges, loopback, linklocal, uniquelocal',
  LOG_LEVEL: LOG_LEVELS.join(', '),
  METRICS_PORT: 'a port number from 0 to 65535',
  METRICS_HOST: 'a host name or an IP address to listen on',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'an absolute http or https URL without query and fragment',
  TRACE_SAMPLING: 'a number from 0 to 1, as 0.01',
};

/** The configuration that the environment describes; an empty variable counts as absent. Throws ConfigError. */
export function readConfig(env: Readonly<Record<string, string | undefined>> = process.env): Config {
  const read = SETTINGS.safeParse(env);
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
    databases: {
      ...(settings.ADMISSION_DATABASE_URL === undefined ? {} : { admission: settings.ADMISSION_DATABASE_URL }),
      ...(settings.REFERENCE_DATABASE_URL === undefined ? {} : { reference: settings.REFERENCE_DATABASE_URL }),
    },
    eventStore:
      settings.EVENT_STORE === 'postgres'
        ? { kind: 'postgres' }
        : { kind: 'eventstoredb', url: settings.EVENTSTORE_URL! },
    eventBus: settings.EVENT_BUS === 'postgres' ? { kind: 'postgres' } : { kind: 'kafka', ...kafkaOf(settings) },
    roles: new Set(settings.ROLES),
    upstreams: { checkin: settings.CHECKIN_URLS, legacyDroid: settings.LEGACY_DROID_URLS },
    publicUrl: settings.PUBLIC_URL?.replace(/\/+$/, ''),
    trustedProxies: settings.TRUSTED_PROXIES,
    logLevel: settings.LOG_LEVEL,
    telemetry: {
      traces: endpoint === undefined ? undefined : { endpoint, sampling: settings.TRACE_SAMPLING },
      metricsAt:
        settings.METRICS_PORT === undefined ? undefined : { port: settings.METRICS_PORT, host: settings.METRICS_HOST },
    },
  };
}

/**
 * Takes out of the environment what would steer us though it is meant for other programs: PGHOST, PGSSLMODE, PGOPTIONS and the like, which
 * the database client reads (all about our databases is in their URLs), and a folder for temporary files that is not there.
 */
export function ignoreForeignSettings(env: Record<string, string | undefined> = process.env): void {
  for (const name of Object.keys(env)) if (/^PG[A-Z]/.test(name)) delete env[name];
  for (const name of ['TMPDIR', 'TMP', 'TEMP']) if (env[name] && !existsSync(env[name])) delete env[name];
}

/** Where something on this machine finds a server that listens on `host`. */
export function urlOf(host: string, port: number): string {
  if (isEverywhere(host)) return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether a HOST stands for every address of the machine. */
export const isEverywhere = (host: string): boolean => /^(0\.0\.0\.0|::|(0{1,4}:){7}0{1,4})$/.test(host);

/** The environment in which another process reads this very configuration; what is no setting of ours is inherited. */
export function environmentOf(
  config: Config,
  inherited: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string | undefined> {
  const { eventStore, eventBus, upstreams, telemetry } = config;
  const settings: Record<keyof typeof SETTINGS.shape, string | number | undefined> = {
    PORT: config.port,
    HOST: config.host,
    GATEHOUSE_DATA: config.dataFolder,
    GATEHOUSE_DEMO: config.demo ? 'on' : 'off',
    DATABASE_URL: config.databaseUrl,
    ADMISSION_DATABASE_URL: config.databases.admission,
    REFERENCE_DATABASE_URL: config.databases.reference,
    EVENT_STORE: eventStore.kind,
    EVENTSTORE_URL: eventStore.kind === 'eventstoredb' ? eventStore.url : undefined,
    EVENT_BUS: eventBus.kind,
    ...(eventBus.kind === 'kafka' ? kafkaSettings(eventBus) : NO_KAFKA),
    ROLES: [...config.roles].join(),
    CHECKIN_URLS: upstreams.checkin.join(),
    LEGACY_DROID_URLS: upstreams.legacyDroid.join(),
    PUBLIC_URL: config.publicUrl,
    TRUSTED_PROXIES: config.trustedProxies.join(),
    LOG_LEVEL: config.logLevel,
    METRICS_PORT: telemetry.metricsAt?.port,
    METRICS_HOST: telemetry.metricsAt?.host,
    OTEL_EXPORTER_OTLP_ENDPOINT: telemetry.traces?.endpoint,
    TRACE_SAMPLING: telemetry.traces?.sampling,
  };
  // An empty one counts as absent, and hides what would be inherited.
  const texts = Object.entries(settings).map(([name, value]) => [name, String(value ?? '')]);
  return { ...inherited, ...(Object.fromEntries(texts) as Record<string, string>) };
}

type KafkaNames = Extract<keyof typeof SETTINGS.shape, `KAFKA_${string}`>;

const NO_KAFKA: Record<KafkaNames, undefined> = {
  KAFKA_BROKERS: undefined,
  KAFKA_TLS: undefined,
  KAFKA_CA: undefined,
  KAFKA_SASL: undefined,
  KAFKA_USERNAME: undefined,
  KAFKA_PASSWORD: undefined,
  KAFKA_PREFIX: undefined,
  KAFKA_REPLICATION_FACTOR: undefined,
  KAFKA_MIN_INSYNC_REPLICAS: undefined,
};

function kafkaSettings({ connection, prefix, replicationFactor, minInsyncReplicas }: KafkaSettings) {
  const { brokers, tls, sasl } = connection;
  return {
    KAFKA_BROKERS: brokers.join(),
    KAFKA_TLS: tls ? 'on' : 'off',
    KAFKA_CA: tls?.ca,
    KAFKA_SASL: sasl?.mechanism,
    KAFKA_USERNAME: sasl?.username,
    KAFKA_PASSWORD: sasl?.password,
    KAFKA_PREFIX: prefix,
    KAFKA_REPLICATION_FACTOR: replicationFactor,
    KAFKA_MIN_INSYNC_REPLICAS: minInsyncReplicas,
  } satisfies Record<KafkaNames, string | number | undefined>;
}

type Settings = z.output<typeof SETTINGS>;

/** What is right alone and wrong together. */
function contradictions(settings: Settings): string[] {
  const problems: string[] = [];
  const needs = (name: keyof Settings, why: string) => {
    if (settings[name] === undefined) problems.push(`${name} must be set ${why}: ${ALLOWED[name]}`);
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
    const [admission, reference] = [settings.ADMISSION_DATABASE_URL, settings.REFERENCE_DATABASE_URL].map(
      (url) => url ?? settings.DATABASE_URL,
    );
    if (databaseOf(admission) !== databaseOf(reference)) {
      problems.push(
        'EVENT_BUS must be kafka when ADMISSION_DATABASE_URL and REFERENCE_DATABASE_URL name different databases: ' +
          "with postgres, admission reads reference's events where they are stored, in its own database",
      );
    }
  }
  return problems;
}

/** Server and database, whoever asks. */
function databaseOf(text: string | undefined): string {
  if (text === undefined) return 'embedded';
  const { hostname, port, pathname } = new URL(text);
  return `${hostname}:${port || '5432'}${pathname}`;
}

function kafkaOf(settings: Settings): KafkaSettings {
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
  return [...names].map((name) => `${name} must be ${ALLOWED[name as keyof typeof ALLOWED]}`);
}

function isPostgresUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && ['postgres:', 'postgresql:'].includes(url.protocol);
}

function isEventStoreUrl(text: string): boolean {
  return /^esdb(\+discover)?:\/\/[^\s/]+/.test(text);
}

function isBroker(text: string): boolean {
  const [, port] = /^(?:[a-z0-9._-]+|\[[0-9a-f:]+\]):(\d{1,5})$/i.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}

function isUpstream(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && url.protocol === 'http:' && `${url.origin}/` === url.href;
}

function isPublicUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.search === '' && url.hash === '' && url.username === '' && url.password === '';
}

function isProxy(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}
