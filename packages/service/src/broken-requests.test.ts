import { connect } from 'node:net';
import { route } from './http';
import { knownCredentials, startApp, tokenOf, type TestApp } from './testing';

/* Requests that node's parser refuses get one reply, in order, that names the error. */

let app: TestApp;
/** Lets the handler of `/slow` answer. */
let release: () => void;

beforeAll(async () => {
  app = await startApp({
    credentials: knownCredentials({ full: tokenOf('demo', ['can_view_orders', 'can_change_orders']) }),
    routes: [
      route('echo/:text+', { access: 'anyone', GET: (request) => ({ status: 200, body: request.param('text') }) }),
      route('search', { access: 'anyone', GET: ({ query }) => ({ status: 200, body: query.get('q') ?? null }) }),
      route('slow', {
        access: 'anyone',
        POST: async () => {
          await new Promise<void>((resolve) => (release = resolve));
          return { status: 201, body: 'slow' };
        },
      }),
      route('body', { access: 'anyone', POST: async (request) => ({ status: 201, body: await request.body() }) }),
    ],
  });
});
afterAll(() => app.close());

type Expected = { readonly status: number; readonly body: unknown };

/** Sends bytes and returns all replies, in their order, when the server has closed the connection. */
function send(text: string | Buffer, onOpen: () => void = () => undefined): Promise<Expected[]> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(app.url);
    const socket = connect(Number(port), hostname, () => socket.write(text, onOpen));
    const chunks: Buffer[] = [];
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(repliesIn(Buffer.concat(chunks).toString('utf8'))));
  });
}

/** All our replies have a Content-Length; a reply inside of another one would show as broken JSON. */
function repliesIn(text: string): Expected[] {
  const replies: Expected[] = [];
  for (let rest = text; rest !== '';) {
    const [head = '', ...more] = rest.split('\r\n\r\n');
    const content = more.join('\r\n\r\n');
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1]);
    const body = Buffer.from(content).subarray(0, length).toString();
    replies.push({ status: Number(head.split(' ')[1]), body: body === '' ? undefined : JSON.parse(body) });
    rest = Buffer.from(content).subarray(length).toString();
  }
  return replies;
}

const HOST = 'Host: x\r\n';
const refusedWith = (status: number, detail: RegExp) => [
  { status, body: { detail: expect.stringMatching(detail) as unknown } },
];

test.each<[what: string, sent: string, status: number, detail: RegExp]>([
  ['a blank in the URL', `GET /a b HTTP/1.1\r\n${HOST}\r\n`, 400, /first line.*percent-encoded/],
  ['a control character in the URL', `GET /a\u0001 HTTP/1.1\r\n${HOST}\r\n`, 400, /URL.*percent-encoded/],
  ['a TLS handshake', '\u0016\u0003\u0001\u0002', 400, /method/],
  ['an unknown method', `SCAN / HTTP/1.1\r\n${HOST}\r\n`, 400, /method/],
  ['HTTP/9', `GET / HTTP/9.9\r\n${HOST}\r\n`, 400, /first line/],
  ['a header with a blank in its name', `GET / HTTP/1.1\r\n${HOST}a b: c\r\n\r\n`, 400, /header/],
  ['a NUL in a header', `GET / HTTP/1.1\r\n${HOST}a: \u0000\r\n\r\n`, 400, /header/],
  ['no Host', 'GET /api/v1/ HTTP/1.1\r\nConnection: close\r\n\r\n', 400, /Host/],
  ['an unknown Expect', `GET / HTTP/1.1\r\n${HOST}Expect: gold\r\nConnection: close\r\n\r\n`, 417, /Expect/],
  ['a length that is none', `POST / HTTP/1.1\r\n${HOST}Content-Length: x\r\n\r\n`, 400, /Content-Length/],
  ['two lengths', `POST / HTTP/1.1\r\n${HOST}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`, 400, /Transfer-Encoding/],
  ['a head of 20 KB', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${HOST}\r\n`, 431, /too long/],
  ['broken chunks', `POST /api/v1/body HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400, /chunks/],
  ['endless chunk extensions', `POST /api/v1/body HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(20_000)}\r\n`, 413, /chunks/],
])('%s', async (_what, sent, status, detail) => {
  expect(await send(Buffer.from(sent, 'latin1'))).toEqual(refusedWith(status, detail));
}); // prettier-ignore

test('letters beyond ASCII in a URL are taken as UTF-8, or it is said what is wrong', async () => {
  for (const path of ['echo/Zürich', 'search?q=Zürich']) {
    const sent = `GET /api/v1/${path} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
    const [reply, ...more] = await send(Buffer.from(sent, 'utf8'));
    expect(more).toEqual([]);
    expect([{ status: 200, body: 'Zürich' }, ...refusedWith(400, /URL.*percent-encoded/)]).toContainEqual(reply);
  }
});

test('what came before it on the connection is answered first', async () => {
  const good = `GET /api/v1/echo/1 HTTP/1.1\r\n${HOST}\r\n`;
  const slow = `POST /api/v1/slow HTTP/1.1\r\n${HOST}Content-Length: 0\r\n\r\n`;
  const replies = send(`${good}${slow}${good}rubbish / x\r\n\r\n`, () => setTimeout(() => release(), 100));
  expect(await replies).toEqual([
    { status: 200, body: '1' },
    { status: 201, body: 'slow' },
    { status: 200, body: '1' },
    ...refusedWith(400, /method/),
  ]);
});

test('a reply that has begun is not written into', async () => {
  // Refused before its body was read; the rest of the body is broken.
  const head = `POST /api/v1/body HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n`;
  const large = `300000\r\n${' '.repeat(0x300000)}\r\n`;
  expect(await send(`${head}${large}zz\r\n`)).toEqual(refusedWith(413, /too large/));
});

test('a client that is gone is no trouble', async () => {
  const { hostname, port } = new URL(app.url);
  for (const text of ['GET / HT', `POST /api/v1/body HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nab`]) {
    const socket = connect(Number(port), hostname);
    socket.write(text);
    await new Promise((resolve) => setTimeout(resolve, 20));
    socket.resetAndDestroy();
  }
  expect(await app.call('GET', '/api/v1/echo/there')).toMatchObject({ status: 200, body: 'there' });
});
