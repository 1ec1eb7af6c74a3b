import { route } from './http';
import { connectRaw, knownCredentials, startApp, tokenOf, type RawConnection, type TestApp } from './testing';

/* Unwanted bodies are not stored, and not much of them is read: bytes are counted in the process and on the connection. */

const access = { safe: 'can_view_orders', unsafe: 'can_change_orders' } as const;
const THINGS = '/api/v1/organizers/demo/events/openair/things/';
const MEGABYTE = Buffer.alloc(1_048_576, 32);

let app: TestApp;
const opened: RawConnection[] = [];
beforeAll(async () => {
  app = await startApp({
    credentials: knownCredentials({
      good: tokenOf('demo', ['can_view_orders', 'can_change_orders']),
      viewer: tokenOf('demo', ['can_view_orders']),
    }),
    routes: [
      route('organizers/:organizer/events/:event/things/', {
        name: 'things',
        access,
        POST: async (request) => ({ status: 201, body: await request.body() }),
      }),
    ],
  });
});
afterEach(() => {
  for (const { socket } of opened.splice(0)) socket.destroy();
});
afterAll(() => app.close());

const head = (target: string, token: string, framing: string) =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Token ${token}\r\nContent-Type: application/json\r\n${framing}\r\n\r\n`;

async function open(bytes: string): Promise<RawConnection> {
  const made = await connectRaw(app.url, bytes);
  opened.push(made);
  return made;
}

const refusals: [what: string, status: number, target: string, token: string, framing: string][] = [
  ['no such token', 401, THINGS, 'bad', 'Content-Length: 2600000'],
  ['no such token, in chunks', 401, THINGS, 'bad', 'Transfer-Encoding: chunked'],
  ['no right', 403, THINGS, 'viewer', 'Content-Length: 2600000'],
  ['no such route', 404, '/nosuch/', 'good', 'Content-Length: 2600000'],
  ['no such method', 405, THINGS, 'good', 'Content-Length: 2600000'],
  ['too large', 413, THINGS, 'good', 'Content-Length: 99999999999'],
];

test.each(refusals)(
  '%s: %d while the body comes, and the connection ends',
  async (_what, status, target, token, framing) => {
    const method = status === 405 ? 'DELETE' : 'POST';
    const client = await open(head(target, token, framing).replace('POST', method));
    expect(await client.answers(1)).toEqual([status]);
    expect(client.received()).toMatch(/\r\nConnection: close\r\n/);
    // It continues to send and is disconnected.
    let sentBytes = 0;
    const chunk = framing.startsWith('Transfer')
      ? Buffer.concat([Buffer.from('100000\r\n'), MEGABYTE, Buffer.from('\r\n')])
      : MEGABYTE;
    while (client.isOpen() && sentBytes < 100 * MEGABYTE.length) {
      if (!client.socket.write(chunk)) await Promise.race([client.closed, drained(client)]);
      sentBytes += chunk.length;
    }
    await client.closed;
    // Bytes beyond the ten megabytes wait in the kernel.
    expect(sentBytes).toBeLessThan(30 * MEGABYTE.length);
  },
);

const drained = ({ socket }: RawConnection) => new Promise<void>((resolve) => socket.once('drain', resolve));

test('sixty clients with a wrong token and most of a large body cost next to nothing', async () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 60; i++) {
    const client = await open(head(THINGS, 'bad', 'Content-Length: 2600000'));
    client.socket.write(MEGABYTE);
    client.socket.write(MEGABYTE);
    expect(await client.answers(1)).toEqual([401]);
  }
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(30 * MEGABYTE.length);
});

test('a client that sends all of its body before it reads sees the refusal', async () => {
  const answer = await app.call('POST', THINGS, { token: 'bad', body: Buffer.alloc(5_000_000, 32) });
  expect(answer).toMatchObject({ status: 401, body: { detail: 'Invalid token.' } });
});

test('a small body that is refused leaves the connection as it is', async () => {
  const small = head(THINGS, 'bad', 'Content-Length: 2') + '{}';
  const client = await open(small);
  expect(await client.answers(1)).toEqual([401]);
  client.socket.write(small);
  expect(await client.answers(2)).toEqual([401, 401]);
});
