import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createLog } from '@gatehouse/service/log';
import { call } from '@gatehouse/service/testing';
import { gateway, type Gateway, type Upstreams } from './gateway';

type Process = { readonly url: string; readonly seen: string[]; isReady: boolean };

const servers: Server[] = [];
const gateways: Gateway[] = [];
afterEach(async () => {
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

/** A process behind the gateway that notes what it gets. */
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

/** Resolves when it has looked at all of them. */
async function start(upstreams: Upstreams, expected = 200): Promise<string> {
  const made = gateway(upstreams, createLog('silent'));
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
  // The first one that was found ready had turns alone until the others were looked at.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
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
