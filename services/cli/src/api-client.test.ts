import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { apiClient, targetOf } from './api-client';

let server: Server;
let seen: IncomingMessage[];
let url: string;
async function serve(answer: (attempt: number) => number): Promise<void> {
  seen = [];
  const listener: RequestListener = (req, res) => res.writeHead(answer(seen.push(req))).end('{}');
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const client = (signal = new AbortController().signal) => apiClient({ url: `${url}/`, token: 'secret', signal });

test('what was not decided is asked again, under the same key', async () => {
  await serve((attempt) => [503, 409, 202][attempt - 1]!);
  expect((await client().post('/api/v1/x/', 'key', { amount: 1 })).status).toBe(202);
  expect(
    seen.map(({ method, url: target, headers }) => [
      method,
      target,
      headers['x-idempotency-key'],
      headers.authorization,
    ]),
  ).toEqual(Array.from({ length: 3 }, () => ['POST', '/api/v1/x/', 'key', 'Token secret']));
}, 20_000);

test('a job that goes on is an answer, and so is a redirect, which is not followed with the token', async () => {
  await serve((attempt) => [409, 302][attempt - 1]!);
  const { get } = client();
  expect((await get('/api/v1/x/')).status).toBe(409);
  expect((await get('/api/v1/x/')).status).toBe(302);
  expect(seen).toHaveLength(2);
});

test('a server that is not there is named at once', async () => {
  await serve(() => 200);
  await new Promise((resolve) => server.close(resolve));
  await expect(client().get('/api/v1/x/')).rejects.toThrow(`No Gatehouse answers at ${url} (nothing listens there).`);
});

test('waiting ends with the signal', async () => {
  const stop = new AbortController();
  await serve(() => {
    stop.abort();
    return 200;
  });
  await expect(client(stop.signal).get('/api/v1/x/')).rejects.toThrow(/abort/);
});

test('links lead to where the client asks, whatever PUBLIC_URL says', () => {
  expect(targetOf('https://tickets.example.org/shop/api/v1/a/b/?c=1')).toBe('/api/v1/a/b/?c=1');
  for (const link of [undefined, 7, 'https://tickets.example.org/']) expect(() => targetOf(link)).toThrow('no link');
});
