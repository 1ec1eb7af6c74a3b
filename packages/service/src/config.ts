import { isIP } from 'node:net';
import { resolve } from 'node:path';
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
  /** Scheme and host (and path) that clients see, without a slash at its end; undefined: as each request came in. */
  readonly publicUrl: string | undefined;
  /** Proxies whose X-Forwarded-* headers are believed, as Express's `trust proxy` takes them. */
  readonly trustedProxies: readonly string[];
  readonly logLevel: LogLevel;
  readonly telemetry: {
    /** Undefined: no spans are sent. `sampling`: the share of requests that have them, from 0 to 1. */
    readonly traces: { readonly sampling: number } | undefined;
    /** Where /metrics is served, apart from what clients reach; undefined: nowhere. Port 0 takes any free one. */
    readonly metricsAt: { readonly port: number; readonly host: string } | undefined;
  };
};

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

const SETTINGS = z.object({
  PORT: setting(port.default(8080)),
  HOST: setting(host.default('127.0.0.1')),
  GATEHOUSE_DATA: setting(z.string().default('.gatehouse')),
  GATEHOUSE_DEMO: setting(z.enum(['on', 'off']).default('on')),
  DATABASE_URL: setting(z.string().refine(isPostgresUrl).optional()),
  PUBLIC_URL: setting(z.string().refine(isPublicUrl).optional()),
  TRUSTED_PROXIES: setting(
    z
      .string()
      .transform((list) => list.split(',').map((proxy) => proxy.trim()))
      .refine((proxies) => proxies.every(isProxy))
      .default([]),
  ),
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

const ALLOWED: Record<keyof typeof SETTINGS.shape, string> = {
  PORT: 'a port number from 0 to 65535',
  HOST: 'a host name or an IP address to listen on',
  GATEHOUSE_DATA: 'a path of a folder',
  GATEHOUSE_DEMO: 'on or off',
  DATABASE_URL: 'postgres://user:password@host:port/database',
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
  return {
    port: settings.PORT,
    host: settings.HOST,
    dataFolder: resolve(PROJECT, settings.GATEHOUSE_DATA),
    demo: settings.GATEHOUSE_DEMO === 'on',
    databaseUrl: settings.DATABASE_URL,
    publicUrl: settings.PUBLIC_URL?.replace(/\/+$/, ''),
    trustedProxies: settings.TRUSTED_PROXIES,
    logLevel: settings.LOG_LEVEL,
    telemetry: {
      traces: settings.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? undefined : { sampling: settings.TRACE_SAMPLING },
      metricsAt:
        settings.METRICS_PORT === undefined ? undefined : { port: settings.METRICS_PORT, host: settings.METRICS_HOST },
    },
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
