import { resolve } from 'node:path';
import { ConfigError, readConfig } from './config';

test('nothing set', () => {
  expect(readConfig({ PORT: '', DATABASE_URL: '' })).toEqual({
    port: 8080,
    host: '127.0.0.1',
    dataFolder: resolve(__dirname, '../../../.gatehouse'),
    demo: true,
    databaseUrl: undefined,
    publicUrl: undefined,
    trustedProxies: [],
    logLevel: 'info',
  });
});

test('everything set', () => {
  const env = {
    PORT: '0',
    HOST: '::',
    GATEHOUSE_DATA: '/var/lib/gatehouse',
    GATEHOUSE_DEMO: 'off',
    DATABASE_URL: 'postgres://me:secret@db:5432/gatehouse',
    PUBLIC_URL: 'https://gate.example/',
    TRUSTED_PROXIES: 'loopback, 10.0.0.0/8,::1',
    LOG_LEVEL: 'debug',
    UNRELATED: 'x',
  };
  expect(readConfig(env)).toEqual({
    port: 0,
    host: '::',
    dataFolder: '/var/lib/gatehouse',
    demo: false,
    databaseUrl: 'postgres://me:secret@db:5432/gatehouse',
    publicUrl: 'https://gate.example',
    trustedProxies: ['loopback', '10.0.0.0/8', '::1'],
    logLevel: 'debug',
  });
});

test('every wrong setting is named, and what is allowed; no value is', () => {
  const wrong = {
    PORT: '65536',
    HOST: 'a b',
    GATEHOUSE_DEMO: 'yes',
    DATABASE_URL: 'mysql://me:swordfish@db',
    PUBLIC_URL: 'gate.example',
    TRUSTED_PROXIES: '10.0.0.0/33',
    LOG_LEVEL: 'loud',
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

test.each(['ftp://x', 'https://x/?a=1', 'https://x/#a', 'https://me:pw@x'])(
  'PUBLIC_URL %s is refused',
  (PUBLIC_URL) => {
    expect(() => readConfig({ PUBLIC_URL })).toThrow(ConfigError);
  },
);
