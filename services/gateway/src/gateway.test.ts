import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLog } from '@gatehouse/service/log';
import { call, connectRaw, type RawConnection } from '@gatehouse/service/testing';
import { gateway, type Gateway, type GatewayOptions, type Upstreams } from './gateway';

type Process = { readonly url: string; readonly seen: string[]; isReady: boolean };

const servers: Server[] = [];
const gateways: Gateway[] = [];
const opened: RawConnection[] = [];
afterEach(async () => {
  for (const { socket } of opened.splice(0)) socket.destroy();
  for (const each of gateways.splice(0)) each.close();
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listening(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A process behind the gateway that records its requests. */
async function process(answer: RequestListener = (req, res) => void req.pipe(res)): Promise<Process> {
  const made = { url: '', seen: [] as string[], isReady: true };
  made.url = await listening(
    createServer((req, res) => {
      if (req.url === '/readyz') {
        res.writeHead(made.isReady ? 200 : 503).end();
        return;
      }
      made.seen.push(`${req.method} ${req.url}`);
      answer(req, res);
    }),
  );
  return made;
}

/** Resolves when the gateway has polled all processes. */
async function start(upstreams: Upstreams, expected = 200, options: Partial<GatewayOptions> = {}): Promise<string> {
  const made = gateway(upstreams, { log: createLog('silent'), ...options });
  gateways.push(made);
  const url = await listening(made.server);
  while ((await call(url, 'GET', '/readyz')).status !== expected) await new Promise((again) => setTimeout(again, 10));
  return url;
}

test('routes by path, and passes on what was sent and answered', async () => {
  const [checkin, droid] = [
    await process((req, res) => {
      res.writeHead(201, { 'x-host': req.headers.host, 'x-for': req.headers['x-forwarded-for'] });
      req.pipe(res);
    }),
    await process(),
  ];
  const url = await start({ checkin: [checkin.url], legacyDroid: [droid.url] });
  const answer = await call(url, 'POST', '/api/v1/a%2Fb/?x=%20', { body: 'Zoë', headers: { host: 'gate.example' } });
  expect(answer).toMatchObject({
    status: 201,
    text: 'Zoë',
    headers: { 'x-host': 'gate.example', 'x-for': '127.0.0.1' },
  });
  await call(url, 'GET', '/pretixdroid/api/o/e/status/?key=1');
  expect(checkin.seen).toEqual(['POST /api/v1/a%2Fb/?x=%20']);
  expect(droid.seen).toEqual(['GET /pretixdroid/api/o/e/status/?key=1']);
});

test('asks those that are ready in turn, and every one while none is', async () => {
  const all = [await process(), await process(), await process()];
  all[1]!.isReady = false;
  const droid = await process();
  const url = await start({ checkin: all.map((each) => each.url), legacyDroid: [droid.url] });
  // The first ready process gets all requests until the others have been polled.
  while (all[2]!.seen.length === 0) await call(url, 'POST', '/api/', { body: '' });
  for (const each of all) each.seen.length = 0;
  for (let i = 0; i < 6; i++) await call(url, 'POST', '/api/', { body: '' });
  expect(all.map((each) => each.seen.length)).toEqual([3, 0, 3]);

  for (const each of all) each.isReady = false;
  while ((await call(url, 'GET', '/readyz')).status === 200) await new Promise((again) => setTimeout(again, 50));
  for (let i = 0; i < 6; i++) await call(url, 'POST', '/api/', { body: '' });
  expect(all.map((each) => each.seen.length)).toEqual([5, 2, 5]);
});

test('a request whose answer is lost is sent once, and the client is told to come back', async () => {
  const dying = () => process((req) => void req.socket.destroy());
  const [one, two] = [await dying(), await dying()];
  const url = await start({ checkin: [one.url, two.url], legacyDroid: [one.url] });
  const answer = await call(url, 'POST', '/api/v1/redeem/', { json: { nonce: 'a' } });
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
  expect([...one.seen, ...two.seen]).toEqual(['POST /api/v1/redeem/']);
});

test('a process that is gone is passed over after the first refusal', async () => {
  const [gone, there] = [await process(), await process()];
  const url = await start({ checkin: [gone.url, there.url], legacyDroid: [there.url] });
  const [server] = servers;
  server!.closeAllConnections();
  await new Promise((resolve) => server!.close(resolve));
  servers.shift();
  const statuses: number[] = [];
  for (let i = 0; i < 6; i++) statuses.push((await call(url, 'GET', '/api/')).status);
  expect(statuses.filter((status) => status === 503).length).toBeLessThanOrEqual(1);
});

test('with nobody behind it: 503', async () => {
  const url = await start({ checkin: [], legacyDroid: [] }, 503);
  expect((await call(url, 'GET', '/api/')).status).toBe(503);
  expect((await call(url, 'GET', '/healthz')).status).toBe(200);
});

/** A service that refuses requests without a valid token at once, without reading the body. */
const service: RequestListener = (req, res) => {
  if (req.headers.authorization !== 'Token good') {
    const isLarge = Number(req.headers['content-length'] ?? 0) > 16_384;
    res.writeHead(401, isLarge ? { connection: 'close' } : {}).end('{"detail":"Invalid token."}');
    return;
  }
  res.writeHead(201, { 'content-type': 'application/json' });
  req.pipe(res);
};

const SCAN = '/api/v1/organizers/demo/events/openair/checkinlists/1/positions/x/redeem/';
const asks = (token: string, more: string) =>
  `POST ${SCAN} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${token}\r\n${more}`;
const scan = asks('good', 'Content-Length: 2\r\n\r\n{}');

async function open(url: string, bytes = ''): Promise<RawConnection> {
  const made = await connectRaw(url, bytes);
  opened.push(made);
  return made;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((again) => setTimeout(again, 5));
}

describe('slow clients are held by the gateway', () => {
  test.each([
    ['bodies without a token', asks('bad', 'Content-Length: 9\r\n\r\n{')],
    ['chunked bodies', asks('bad', 'Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n')],
    ['large bodies that have begun', asks('bad', `Content-Length: 2000000\r\n\r\n${'x'.repeat(40_000)}`)],
    ['heads', `POST ${SCAN} HTTP/1.1\r\nHost: x\r\n`],
    ['bodies with a good token', asks('good', 'Content-Length: 9\r\n\r\n{')],
  ])('many slow %s take no connection to a service, and scanners are answered', async (_what, bytes) => {
    const checkin = await process(service);
    const [server] = servers;
    const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] }, 200, {
      connections: { unknown: 20, unknownOfOneAddress: 20 },
    });
    const scanner = await open(url, scan);
    expect(await scanner.answers(1)).toEqual([201]);
    const many: RawConnection[] = [];
    for (let i = 0; i < 60; i++) many.push(await open(url, bytes));

    const newcomer = await open(url, scan);
    expect(await newcomer.answers(1)).toEqual([201]);
    scanner.socket.write(scan);
    expect(await scanner.answers(2)).toEqual([201, 201]);
    if (bytes.includes('2000000')) for (const each of many.slice(-10)) expect(await each.answers(1)).toEqual([401]);
    const connections = await new Promise<number>((resolve) =>
      server!.getConnections((_error, count) => resolve(count)),
    );
    expect(connections).toBeLessThan(10);
    const still = many.filter((each) => each.isOpen()).length;
    expect(still).toBeLessThanOrEqual(bytes.includes('good') ? 60 : 20);
  });

  test('an answer that nobody reads is not waited for by the service', async () => {
    let answered = 0;
    const checkin = await process((_req, res) => {
      res.on('finish', () => answered++);
      res.end(Buffer.alloc(50_000));
    });
    const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] });
    for (let i = 0; i < 20; i++) {
      const client = await open(url);
      client.socket.pause();
      client.socket.write('GET /api/x HTTP/1.1\r\nHost: x\r\n\r\n');
    }
    await until(() => answered === 20);
  });

  test('a flood of requests on one connection ends it, and few are passed on', async () => {
    const checkin = await process((_req, _res) => undefined);
    const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] }, 200, {
      connections: { pipelined: 8 },
    });
    const client = await open(url, 'GET /api/x HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(500));
    await client.closed;
    expect(checkin.seen.length).toBeLessThanOrEqual(8);
  });

  test('requests whose credential is not known have a bound, others go on', async () => {
    const checkin = await process((req, res) => {
      if (req.headers.authorization === 'Token good') service(req, res);
    });
    const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] }, 200, {
      connections: { unknownAtWork: 5 },
    });
    expect(await (await open(url, scan)).answers(1)).toEqual([201]);
    const bad = asks('bad', 'Content-Length: 2\r\n\r\n{}');
    for (let i = 0; i < 5; i++) await open(url, bad);
    await until(() => checkin.seen.length === 6);
    expect(await (await open(url, bad)).answers(1)).toEqual([503]);
    expect(await (await open(url, scan)).answers(1)).toEqual([201]);
    // Closed connections make room for new ones.
    for (const { socket } of opened.slice(1, 6)) socket.destroy();
    while (checkin.seen.length < 8) {
      const again = await open(url, bad);
      await Promise.race([again.answers(1), until(() => checkin.seen.length === 8)]);
    }
  });
});

describe('what a client says of where it comes from', () => {
  const claims = {
    'x-forwarded-for': '6.6.6.6',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': 'evil.example',
    'x-forwarded-prefix': '/evil',
    'x-forwarded-port': '1',
    forwarded: 'for=6.6.6.6;host=evil.example',
    host: 'gate.example',
  };
  async function received(trustedProxies: readonly string[]): Promise<Record<string, string>> {
    const checkin = await process((req, res) => void res.end(JSON.stringify(req.headers)));
    const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] }, 200, { trustedProxies });
    const { text } = await call(url, 'GET', '/api/', { headers: claims });
    return JSON.parse(text) as Record<string, string>;
  }

  test('is not passed on', async () => {
    const headers = await received(['192.0.2.1']);
    expect(JSON.stringify(headers)).not.toMatch(/evil|6\.6\.6\.6|https/);
    expect(headers).toMatchObject({
      host: 'gate.example',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
      'x-forwarded-host': 'gate.example',
    });
  });

  test('is passed on for a proxy that is trusted', async () => {
    const headers = await received(['loopback']);
    expect(headers).toMatchObject({
      'x-forwarded-for': '6.6.6.6, 127.0.0.1',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'evil.example',
    });
    expect(headers).not.toHaveProperty('forwarded');
  });
});

test('headers between neighbours stay between them, all others pass, also twice and as they were written', async () => {
  let raw: string[] = [];
  const checkin = await process((req, res) => {
    raw = req.rawHeaders;
    res
      .writeHead(200, ['X-Twice', 'a', 'X-Twice', 'b', 'Keep-Alive', 'timeout=1', 'Connection', 'x-own', 'X-Own', '1'])
      .end();
  });
  const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] });
  const client = await open(
    url,
    'GET /api/ HTTP/1.1\r\nhOsT: x\r\nX-Twice: a\r\nX-Twice: b\r\nTE: trailers\r\nX-Own: 1\r\nConnection: close, X-Own, Host\r\n' +
      'Upgrade: x\r\ntraceparent: t\r\nProxy-Authorization: p\r\n\r\n',
  );
  await client.closed;
  expect(raw.join()).toBe(
    'hOsT,x,X-Twice,a,X-Twice,b,traceparent,t,X-Forwarded-For,127.0.0.1,X-Forwarded-Proto,http,X-Forwarded-Host,x,Connection,keep-alive',
  );
  expect(client.received()).toMatch(/X-Twice: a\r\nX-Twice: b\r\n/);
  expect(client.received()).not.toMatch(/X-Own|timeout=1\r/);
});

test('bodies of every size and framing come whole, both ways', async () => {
  const checkin = await process();
  const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] });
  for (const sizeBytes of [0, 1, 16_383, 16_384, 16_385, 70_000, 3_000_000]) {
    const body = Buffer.alloc(sizeBytes, 'abcdefghi');
    const answer = await call(url, 'POST', '/api/', { body });
    expect([answer.status, answer.text === body.toString()]).toEqual([200, true]);
    const inChunks = { method: 'POST', body: new Blob([body]).stream(), duplex: 'half' } as const;
    expect(await (await fetch(`${url}/api/`, inChunks)).text()).toBe(body.toString());
  }
});

test('HEAD, 204 and 304 have no body, and keep what they say of it', async () => {
  const checkin = await process((req, res) => {
    if (req.method === 'HEAD') res.writeHead(200, { 'content-length': '12' }).end();
    else res.writeHead(req.url === '/api/204' ? 204 : 304, { etag: 'x' }).end();
  });
  const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] });
  expect(await call(url, 'HEAD', '/api/')).toMatchObject({
    status: 200,
    text: '',
    headers: { 'content-length': '12' },
  });
  expect(await call(url, 'GET', '/api/204')).toMatchObject({ status: 204, text: '' });
  expect(await call(url, 'GET', '/api/304')).toMatchObject({ status: 304, text: '', headers: { etag: 'x' } });
});

test('an answer that breaks off breaks off for the client', async () => {
  const checkin = await process((_req, res) => {
    res.writeHead(200, { 'content-length': '100' }).write('half');
    setTimeout(() => res.destroy(), 20);
  });
  const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] });
  await expect(call(url, 'GET', '/api/')).rejects.toThrow();
});

test('a client that goes away takes its request along, whole or not', async () => {
  let left = 0;
  const checkin = await process((req, res) => {
    req.resume();
    res.on('close', () => left++);
  });
  const url = await start({ checkin: [checkin.url], legacyDroid: [checkin.url] });
  const [begun, whole] = [
    await open(url, asks('good', `Content-Length: 900000\r\n\r\n${'x'.repeat(50_000)}`)),
    await open(url, scan),
  ];
  await until(() => checkin.seen.length === 2);
  for (const { socket } of [begun, whole]) socket.destroy();
  await until(() => left === 2);
});
