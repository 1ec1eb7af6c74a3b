import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { CONTEXT_NAMES } from '@gatehouse/events/contexts';
import { ConfigError, environmentOf, readConfig, SETTINGS } from './config';

test('nothing set', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '' })).toEqual({
    port: 8080,
    host: '127.0.0.1',
    dataFolder: resolve(__dirname, '../../../.gatehouse'),
    demo: true,
    databaseUrl: undefined,
    databases: {},
    idempotencyDatabaseUrl: undefined,
    eventStore: { kind: 'postgres' },
    eventBus: { kind: 'postgres' },
    roles: new Set(['http', 'projections', 'relay']),
    upstreams: { reference: [], checkin: [], cart: [], offlineSales: [], sync: [], legacyDroid: [] },
    publicUrl: undefined,
    trustedProxies: [],
    announcedVersion: '3.8.0',
    logLevel: 'info',
    telemetry: { traces: undefined, metricsAt: undefined },
  });
});

const EVERYTHING = {
  PORT: '0',
  HOST: '::',
  GATEHOUSE_DATA: '/var/lib/gatehouse',
  GATEHOUSE_DEMO: 'off',
  DATABASE_URL: 'postgres://me:secret@db:5432/gatehouse',
  REFERENCE_DATABASE_URL: 'postgres://me:secret@db/reference',
  ADMISSION_DATABASE_URL: 'postgres://me:secret@db/admission',
  INVENTORY_DATABASE_URL: 'postgres://me:secret@db/inventory',
  IDEMPOTENCY_DATABASE_URL: 'postgres://me:secret@db/replies',
  EVENT_STORE: 'eventstoredb',
  EVENTSTORE_URL: 'esdb://admin:changeit@store:2113?tls=false',
  EVENT_BUS: 'kafka',
  KAFKA_BROKERS: 'one:9092, two:9092',
  KAFKA_TLS: 'on',
  KAFKA_CA: '-----BEGIN CERTIFICATE-----',
  KAFKA_SASL: 'scram-sha-512',
  KAFKA_USERNAME: 'gatehouse',
  KAFKA_PASSWORD: 'secret',
  KAFKA_PREFIX: 'festival',
  KAFKA_REPLICATION_FACTOR: '5',
  KAFKA_MIN_INSYNC_REPLICAS: '3',
  ROLES: 'http, relay',
  REFERENCE_URLS: 'http://f:6',
  CHECKIN_URLS: 'http://a:1,http://b:2',
  CART_URLS: 'http://d:4',
  OFFLINE_SALES_URLS: 'http://e:5',
  SYNC_URLS: 'http://f:6',
  LEGACY_DROID_URLS: 'http://c:3',
  PUBLIC_URL: 'https://gate.example/',
  TRUSTED_PROXIES: 'loopback, 10.0.0.0/8,::1',
  ANNOUNCED_VERSION: '4.11.0',
  LOG_LEVEL: 'debug',
  METRICS_PORT: '9464',
  METRICS_HOST: '0.0.0.0',
  OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318',
  TRACE_SAMPLING: '0.5',
  UNRELATED: 'x',
};

test('everything set', () => {
  expect(readConfig(EVERYTHING)).toEqual({
    port: 0,
    host: '::',
    dataFolder: '/var/lib/gatehouse',
    demo: false,
    databaseUrl: 'postgres://me:secret@db:5432/gatehouse',
    databases: {
      reference: 'postgres://me:secret@db/reference',
      admission: 'postgres://me:secret@db/admission',
      inventory: 'postgres://me:secret@db/inventory',
    },
    idempotencyDatabaseUrl: 'postgres://me:secret@db/replies',
    eventStore: { kind: 'eventstoredb', url: 'esdb://admin:changeit@store:2113?tls=false' },
    eventBus: {
      kind: 'kafka',
      connection: {
        brokers: ['one:9092', 'two:9092'],
        tls: { ca: '-----BEGIN CERTIFICATE-----' },
        sasl: { mechanism: 'scram-sha-512', username: 'gatehouse', password: 'secret' },
      },
      prefix: 'festival',
      replicationFactor: 5,
      minInsyncReplicas: 3,
    },
    roles: new Set(['http', 'relay']),
    upstreams: {
      reference: ['http://f:6'],
      checkin: ['http://a:1', 'http://b:2'],
      cart: ['http://d:4'],
      offlineSales: ['http://e:5'],
      sync: ['http://f:6'],
      legacyDroid: ['http://c:3'],
    },
    publicUrl: 'https://gate.example',
    trustedProxies: ['loopback', '10.0.0.0/8', '::1'],
    announcedVersion: '4.11.0',
    logLevel: 'debug',
    telemetry: {
      traces: { endpoint: 'http://collector:4318', sampling: 0.5 },
      metricsAt: { port: 9464, host: '0.0.0.0' },
    },
  });
});

test.each([{}, EVERYTHING])('another process reads the same from the environment that it is given', (env) => {
  const config = readConfig(env);
  expect(readConfig(environmentOf(config, { DATABASE_URL: 'postgres://other', HOST: 'other' }))).toEqual(config);
});

test('every wrong setting is named, and what is allowed; no value is', () => {
  const wrong = {
    PORT: '65536',
    HOST: 'a b',
    GATEHOUSE_DEMO: 'yes',
    DATABASE_URL: 'mysql://me:swordfish@db',
    REFERENCE_DATABASE_URL: 'db',
    ADMISSION_DATABASE_URL: 'db',
    INVENTORY_DATABASE_URL: 'db',
    IDEMPOTENCY_DATABASE_URL: 'db',
    EVENT_STORE: 'memory',
    EVENTSTORE_URL: 'http://store',
    EVENT_BUS: 'rabbit',
    KAFKA_BROKERS: 'one',
    KAFKA_TLS: 'true',
    KAFKA_CA: '/etc/ca.pem',
    KAFKA_SASL: 'gssapi',
    KAFKA_PREFIX: 'a.b',
    KAFKA_REPLICATION_FACTOR: '0',
    KAFKA_MIN_INSYNC_REPLICAS: 'x',
    ROLES: 'http,web',
    CHECKIN_URLS: 'http://a:1/x',
    CART_URLS: 'd:4',
    OFFLINE_SALES_URLS: 'e:5',
    SYNC_URLS: 'f:6',
    LEGACY_DROID_URLS: 'c:3',
    PUBLIC_URL: 'gate.example',
    TRUSTED_PROXIES: '10.0.0.0/33',
    ANNOUNCED_VERSION: '4.11',
    LOG_LEVEL: 'loud',
    METRICS_PORT: '-1',
    METRICS_HOST: 'a b',
    OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4318',
    TRACE_SAMPLING: '1.5',
  };
  let thrown: unknown;
  try {
    readConfig(wrong);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(ConfigError);
  const { problems, message } = thrown as ConfigError;
  expect(problems.map((problem) => problem.split(' ')[0])).toEqual(Object.keys(wrong));
  expect(message).toContain('GATEHOUSE_DEMO must be on or off');
  expect(message).not.toContain('swordfish');
});

const KAFKA = { EVENT_BUS: 'kafka', KAFKA_BROKERS: 'one:9092' };
const DATABASES = CONTEXT_NAMES.map((context) => [`${context.toUpperCase()}_DATABASE_URL`, context] as const);
const SPLIT = Object.fromEntries(DATABASES.map(([name, context]) => [name, `postgres://me@db/${context}`]));
const SAME = Object.fromEntries(DATABASES.map(([name]) => [name, 'postgres://me@db/x']));

test.each<[object, string | null]>([
  [{ EVENT_STORE: 'eventstoredb' }, 'EVENTSTORE_URL must be set'],
  [{ EVENT_BUS: 'kafka' }, 'KAFKA_BROKERS must be set'],
  [{ ...KAFKA, KAFKA_SASL: 'plain', KAFKA_USERNAME: 'me' }, 'KAFKA_PASSWORD must be set'],
  [{ ...KAFKA, KAFKA_REPLICATION_FACTOR: '1' }, 'KAFKA_MIN_INSYNC_REPLICAS must be at most'],
  [SPLIT, 'EVENT_BUS must be kafka when'],
  ...DATABASES.flatMap(([name]): [object, string][] => [
    [{ [name]: 'postgres://me@db/a' }, 'EVENT_BUS must be kafka when'],
    [{ ...SAME, [name]: 'postgres://me@db/a' }, 'EVENT_BUS must be kafka when'],
    // What is not set is the embedded database.
    [{ ...SAME, [name]: '' }, 'EVENT_BUS must be kafka when'],
  ]),
  [SAME, null],
  [{ ...SPLIT, ...KAFKA }, null],
  [{ DATABASE_URL: 'postgres://a@db/x', ADMISSION_DATABASE_URL: 'postgres://b@db:5432/x' }, null],
])('settings that contradict each other: %j', (env, problem) => {
  const read = () => readConfig(env as Record<string, string>);
  if (problem === null) expect(read).not.toThrow();
  else expect(read).toThrow(problem);
});

test('stored replies are where they are said to be, else where the gates have their history', () => {
  const [keys, gates, all] = ['keys', 'gates', 'all'].map((name) => `postgres://me@db/${name}`) as [
    string,
    string,
    string,
  ];
  const settings = { ...KAFKA, IDEMPOTENCY_DATABASE_URL: keys, ADMISSION_DATABASE_URL: gates, DATABASE_URL: all };
  const of = (env: Record<string, string>) => readConfig({ ...settings, ...env }).idempotencyDatabaseUrl;
  expect(of({})).toBe(keys);
  expect(of({ IDEMPOTENCY_DATABASE_URL: '' })).toBe(gates);
  expect(of({ IDEMPOTENCY_DATABASE_URL: '', ADMISSION_DATABASE_URL: '' })).toBe(all);
});

test.each(['ftp://x', 'https://x/?a=1', 'https://x/#a', 'https://me:pw@x'])(
  'PUBLIC_URL %s is refused',
  (PUBLIC_URL) => {
    expect(() => readConfig({ PUBLIC_URL })).toThrow(ConfigError);
  },
);

test("README's table names every setting and no other", () => {
  const readme = readFileSync(resolve(__dirname, '../../../README.md'), 'utf8');
  const table = readme
    .slice(readme.indexOf('## Settings'))
    .split(/\n\n/)
    .find((part) => part.startsWith('| Setting'))!;
  const named = table
    .split('\n')
    .slice(2)
    .flatMap((row) => {
      const name = row.split('|')[1]!;
      const ofEach = name.includes('<CONTEXT>') ? CONTEXT_NAMES : [''];
      return ofEach.flatMap((context) => name.replace('<CONTEXT>', context.toUpperCase()).match(/[A-Z_]{4,}/g) ?? []);
    });
  expect(named.sort()).toEqual(Object.keys(SETTINGS).sort());
});
