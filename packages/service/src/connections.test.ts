import { trusts } from './connections';
import { route, type HttpOptions } from './http';
import { connectRaw, knownCredentials, startApp, tokenOf, type RawConnection, type TestApp } from './testing';

/*
 * Clients that hold connections open, slowly or in great numbers, keep no scanner out, neither a new one nor a connected
 * one. With limits small enough for a test.
 */

const credentials = knownCredentials({ good: tokenOf('demo', ['can_view_orders']), late: tokenOf('demo', []) });
const things = route('organizers/:organizer/events/:event/things', {
  name: 'things',
  access: 'authenticated',
  GET: () => ({ status: 200, body: 'things' }),
  POST: async (request) => ({ status: 201, body: await request.body() }),
});
const THINGS = '/api/v1/organizers/demo/events/openair/things/';
const asks = (token: string, more = '') =>
  `GET ${THINGS} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${token}\r\n${more}\r\n`;
const HALF_A_HEAD = `GET ${THINGS} HTTP/1.1\r\nHost: x\r\n`;
const HALF_A_BODY = `POST ${THINGS} HTTP/1.1\r\nHost: x\r\nAuthorization: Token bad\r\nContent-Length: 9\r\n\r\n{`;

const apps: TestApp[] = [];
const opened: RawConnection[] = [];
afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.destroy();
  for (const app of apps.splice(0)) await app.close();
});

async function start(connections: HttpOptions['connections'], more: Partial<HttpOptions> = {}): Promise<TestApp> {
  const app = await startApp({ credentials, routes: [things], ...more, ...(connections ? { connections } : {}) });
  apps.push(app);
  return app;
}

async function open(app: TestApp, bytes = '', from?: string): Promise<RawConnection> {
  const made = await connectRaw(app.url, bytes, from);
  opened.push(made);
  return made;
}

/** Opens connections one after another; returns those that are still open when the server has accepted them all. */
async function openMany(app: TestApp, count: number, bytes: string): Promise<readonly RawConnection[]> {
  const made: RawConnection[] = [];
  for (let i = 0; i < count; i++) made.push(await open(app, bytes));
  await app.call('GET', '/healthz');
  return made;
}

describe.each([
  ['connections that say nothing', ''],
  ['half a head', HALF_A_HEAD],
  ['a head without its body, and a token that is none', HALF_A_BODY],
  ['good requests without a token', `GET ${THINGS} HTTP/1.1\r\nHost: x\r\n\r\n`],
])('%s, many times', (_what, bytes) => {
  test.each([
    ['in all', { unknown: 10 }],
    ['from one address', { unknownOfOneAddress: 10 }],
  ])('are bounded %s; scanners that come and scanners that stay are answered', async (_where, limits) => {
    const app = await start(limits);
    const scanner = await open(app, asks('good'));
    expect(await scanner.answers(1)).toEqual([200]);

    const many = await openMany(app, 50, bytes);
    expect(many.filter((each) => each.isOpen()).length).toBeLessThanOrEqual(10);
    // The oldest were closed.
    expect(many.slice(0, 40).some((each) => each.isOpen())).toBe(false);

    scanner.socket.write(asks('good'));
    expect(await scanner.answers(2)).toEqual([200, 200]);
    const newcomer = await open(app, asks('good'));
    expect(await newcomer.answers(1)).toEqual([200]);
    await openMany(app, 50, bytes);
    expect([scanner.isOpen(), newcomer.isOpen()]).toEqual([true, true]);
    expect(app.logged.filter((line) => line.includes('too many connections'))).toHaveLength(1);
  });
});

/** All of 127.0.0.0/8 is this machine, but only Linux lets a client use any of these addresses. */
const onLinux = process.platform === 'linux' ? test : test.skip;

onLinux('one address cannot end the connections of another', async () => {
  const app = await start({ unknown: 40, unknownOfOneAddress: 10 });
  const other = await open(app, HALF_A_HEAD, '127.0.0.2');
  await openMany(app, 100, HALF_A_HEAD);
  expect(other.isOpen()).toBe(true);
});

test('scanners have no limit, also not with one token from one address', async () => {
  const app = await start({ unknown: 2, unknownOfOneAddress: 2 });
  const scanners: RawConnection[] = [];
  for (let i = 0; i < 30; i++) {
    const scanner = await open(app, asks('good'));
    expect(await scanner.answers(1)).toEqual([200]);
    scanners.push(scanner);
  }
  for (const { socket } of scanners) socket.write(asks('good'));
  for (const scanner of scanners) expect(await scanner.answers(2)).toEqual([200, 200]);
});

test('a trusted proxy is known: it holds the clients that come through it', async () => {
  const app = await start({ unknown: 2 }, { config: { publicUrl: undefined, trustedProxies: ['loopback'] } });
  const many = await openMany(app, 20, HALF_A_HEAD);
  expect(many.every((each) => each.isOpen())).toBe(true);
});

test('requests whose credential is still looked up have a bound of their own', async () => {
  const lookUps: (() => void)[] = [];
  const app = await start(
    { unknownAtWork: 3 },
    {
      credentials: {
        async find(...asked) {
          const found = await credentials.find(...asked);
          if (typeof found === 'string') await new Promise<void>((resolve) => lookUps.push(resolve));
          return found;
        },
      },
    },
  );
  expect(await (await open(app, asks('good'))).answers(1)).toEqual([200]);
  const strangers = await openMany(app, 3, asks('bad'));
  while (lookUps.length < 3) await new Promise((again) => setTimeout(again, 5));
  expect(await (await open(app, asks('other'))).answers(1)).toEqual([503]);
  // A new connection with a token that was valid before.
  expect(await (await open(app, asks('good'))).answers(1)).toEqual([200]);
  expect(await app.call('GET', '/readyz')).toMatchObject({ status: 200 });
  for (const answer of lookUps.splice(0)) answer();
  for (const each of strangers) expect(await each.answers(1)).toEqual([401]);
  expect(await (await open(app, asks('late'))).answers(1)).toEqual([200]);
});

describe('pipelined requests', () => {
  test('some are answered in their order', async () => {
    const app = await start({});
    const client = await open(app, asks('good').repeat(20));
    expect(await client.answers(20)).toEqual(Array.from({ length: 20 }, () => 200));
  });

  test('a flood of them ends the connection, and few are begun', async () => {
    let begun = 0;
    const slow = route('slow', {
      access: 'anyone',
      GET: () => {
        begun++;
        return new Promise(() => undefined);
      },
    });
    const app = await start({ pipelined: 8 }, { routes: [slow] });
    const client = await open(app, 'GET /api/v1/slow HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_000));
    await client.closed;
    expect(begun).toBeLessThanOrEqual(8);
  });
});

test('a client that does not read its answers is given few of them', async () => {
  let begun = 0;
  const big = route('big', {
    access: 'anyone',
    GET: () => {
      begun++;
      return { status: 200, body: 'x'.repeat(1_000_000) };
    },
  });
  const app = await start({ pipelined: 8 }, { routes: [big] });
  const client = await open(app);
  client.socket.pause();
  const sent = 'GET /api/v1/big HTTP/1.1\r\nHost: x\r\n\r\n';
  for (let i = 0; i < 400; i++) {
    client.socket.write(sent);
    await new Promise(setImmediate);
  }
  await app.call('GET', '/healthz');
  // Some replies fit into the kernel's buffers.
  expect(begun).toBeLessThan(64);
});

test.each([
  [['loopback'], '127.0.0.1', true],
  [['loopback'], '::ffff:127.0.0.1', true],
  [['loopback'], '::1', true],
  [['loopback'], '10.0.0.1', false],
  [['uniquelocal'], '172.20.0.3', true],
  [['uniquelocal'], 'fd00::1', true],
  [['linklocal'], 'fe80::1', true],
  [['192.0.2.7'], '192.0.2.7', true],
  [['192.0.2.7'], '192.0.2.8', false],
  [['192.0.2.0/24', '2001:db8::/32'], '2001:db8::9', true],
  [[], '127.0.0.1', false],
])('TRUSTED_PROXIES=%s and %s: %s', (proxies, address, isTrusted) => {
  expect(trusts(proxies)(address)).toBe(isTrusted);
});
