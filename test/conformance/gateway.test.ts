import { isDeepStrictEqual } from 'node:util';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { call, connectRaw } from '@gatehouse/service/testing';
import { festival, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { startGateway, type RunningGateway } from '@gatehouse/test-support/gateway';
import { startSystem, type System } from '@gatehouse/test-support/system';
import fc from 'fast-check';

/*
 * Any request gets the same reply through the gateway as without it, and the gateway keeps running. Bytes are written by
 * hand: a client library would correct them.
 */

let system: System;
let before: RunningGateway;
let through: string;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(festival());
  before = await startGateway({ checkin: [system.url], legacyDroid: [system.url] });
  through = before.url;
});
afterAll(async () => {
  await before.close();
  await system.close();
});
afterEach(async () => {
  expect(await call(through, 'GET', '/healthz')).toMatchObject({ status: 200 });
});

/** The statuses of all replies to these bytes; the client ends its side after half a second, or at once. */
async function statusesOf(url: string, bytes: string, patienceMs = 500): Promise<readonly number[]> {
  const { socket, answers, closed } = await connectRaw(url, bytes);
  const end = setTimeout(() => socket.end(), patienceMs);
  await closed;
  clearTimeout(end);
  return answers(0);
}

/**
 * The statuses without the gateway and with it. Who ends its side before the reply gets none, on a busy machine also from one of
 * the two alone: then both are asked again, with more patience.
 */
async function bothStatusesOf(bytes: string) {
  for (const patienceMs of [500, 5_000]) {
    const both = [
      await statusesOf(system.url, bytes, patienceMs),
      await statusesOf(through, bytes, patienceMs),
    ] as const;
    if (isDeepStrictEqual(...both)) return both;
  }
  return [await statusesOf(system.url, bytes, 15_000), await statusesOf(through, bytes, 15_000)] as const;
}

const ask = (target: string, more = '') =>
  `GET ${target} HTTP/1.1\r\nHost: gate.example\r\nAuthorization: Token ${TOKENS.admin}\r\nConnection: close\r\n${more}\r\n`;

async function expectSame(target: string): Promise<void> {
  const [direct, passed] = await bothStatusesOf(ask(target));
  expect({ target, statuses: passed }).toEqual({ target, statuses: direct });
  for (const status of passed) expect(status).not.toBe(500);
}

const list = `${OPENAIR}checkinlists/${LISTS.main}/`;

test.each([
  '/\\', 'http://[', 'http://a:b/', 'http://[::1', 'http://a:99999/', 'http://', 'http:///', 'http://a b/', 'https://x/', 'ftp://x/', 'HTTP://x/',
  '*', '//', '//x/', '///', '/./', '/../', '/..', '/%2e%2e/', '/api/v1/%2e%2e/%2e%2e/healthz', '/api/v1/../../healthz', '/%', '/%zz', '/%00', '/?', '/??',
  '/?%00', '/#', '/#?x', '/;', '/:', '/@', '/[', '/]', '/|', '/^', '/`', '/{}', '/<>"', "/'", '/%5c', '/~', '/+', '/%20', '/a%2Fb', '/%2F', '/a\tb', '/a\u000cb',
  '/a\u0000b', '/a\u0001b', '/a\u007fb', '/a\u0080b', '/\u00c3\u00bc', '/\u00ff', '/ ', '/a b', '', 'x', '.', '?', '#', '%', ':', ':80', 'a:80', 'x:y', 'data:,', '\\\\x\\y',
  '/healthz', '/healthz/', '/healthz?x', '/healthz%20', '/readyz', '/readyz/', '/api', '/api/', '/api/v1', '/api/v1/', '/api/v1//', '/API/v1/', '/docs/events', '/metrics',
  list, list.slice(0, -1), `${list}/`, `${list}?`, `${list}?page=1`, `${list}?page=x`, `${list}#x`, `http://gate.example${list}`, `http://u:p@gate.example:1${list}`, `https://[::1]${list}`,
  `${list}positions/?search=%ff`, `${list}positions/?search=%00`, `${list}positions/a%2Fb/`, `${list}positions/%2e%2e/`, `${list}positions/../`, `${list}positions/%/`, `${list}positions/\\/`,
  '/pretixdroid/', '/pretixdroid', '/pretixdroid/api/', '/pretixdroid/api/demo/openair/status/', '/pretixdroid/api/demo/openair/status/?key=%00', '/pretixdroid/api/demo/openair/status?key=x&key=y',
  '/pretixdroid/api/%64emo/openair/status/', '/pretixdroid/../healthz', '/pretixdroid\\api', '/%70retixdroid/api/demo/openair/status/', 'http://x/pretixdroid/api/demo/openair/status/', 'http://[/pretixdroid/',
])('the target %j', expectSame); // prettier-ignore

test('any target, made of odd parts', async () => {
  const part = fc.constantFrom(
    '/', '//', '\\', '.', '..', '%2e', '%2f', '%', '%00', '%ff', '?', '#', '&', '=', ':', '@', '[', ']', 'http://', 'https:', 'x', '80', '*', ';', '|', '^', '"', '<', '{', '~',
    'api', 'v1', 'organizers', 'demo', 'pretixdroid', 'healthz', '\u0001', '\u007f', '\u0080', '\u00ff', '\t', list,
  ); // prettier-ignore
  const targets = fc.tuple(fc.constantFrom('/', '/', 'http://', ''), fc.array(part, { maxLength: 6 }));
  const property = fc.asyncProperty(targets, ([start, parts]) => expectSame(start + parts.join('')));
  await fc.assert(property, { numRuns: 150 });
});

const POST = `POST ${list}positions/x/redeem/ HTTP/1.1\r\nHost: gate.example\r\nAuthorization: Token ${TOKENS.admin}\r\nContent-Type: application/json\r\nConnection: close\r\n`;

describe('framings', () => {
  const same: [what: string, bytes: string][] = [
    ['a length', `${POST}Content-Length: 2\r\n\r\n{}`],
    ['chunks', `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n`],
    ['chunks with trailers', `${POST}Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\n{}\r\n0\r\nX: y\r\n\r\n`],
    ['no body', `${POST}\r\n`],
    ['Expect', `${POST}Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}`],
    ['an unknown Expect', `${POST}Content-Length: 2\r\nExpect: x\r\n\r\n{}`],
    ['two lengths', `${POST}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`],
    ['two different lengths', `${POST}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    ['a list of lengths', `${POST}Content-Length: 2, 2\r\n\r\n{}`],
    ['a negative length', `${POST}Content-Length: -2\r\n\r\n{}`],
    ['a length with a sign', `${POST}Content-Length: +2\r\n\r\n{}`],
    ['a length of 30 digits', `${POST}Content-Length: ${'9'.repeat(30)}\r\n\r\n{}`],
    ['an empty length', `${POST}Content-Length: \r\n\r\n{}`],
    ['a length and chunks', `${POST}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['chunks twice', `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
    ['chunks not last', `${POST}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`],
    ['another encoding', `${POST}Transfer-Encoding: gzip\r\n\r\n0\r\n\r\n`],
    ['chunks, oddly written', `${POST}Transfer-Encoding: \tchunKed\r\n\r\n0\r\n\r\n`],
    ['chunks, with a control character', `${POST}Transfer-Encoding: \u000bchunked\r\n\r\n0\r\n\r\n`],
    ['a blank before the colon', `${POST}Content-Length : 2\r\n\r\n{}`],
    ['obs-fold', `${POST}X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}`],
    ['lone LF', `${POST.replaceAll('\r\n', '\n')}Content-Length: 2\n\n{}`],
    ['lone CR', `${POST.replaceAll('\r\n', '\r')}Content-Length: 2\r\r{}`],
    ['NUL in a value', `${POST}X: a\u0000b\r\nContent-Length: 2\r\n\r\n{}`],
    ['NUL in a name', `${POST}X\u0000: b\r\nContent-Length: 2\r\n\r\n{}`],
    ['bytes beyond ASCII in a value', `${POST}X: \u00fc\u00ff\r\nContent-Length: 2\r\n\r\n{}`],
    ['bytes beyond ASCII in a name', `${POST}\u00fc: x\r\nContent-Length: 2\r\n\r\n{}`],
    ['an empty name', `${POST}: x\r\nContent-Length: 2\r\n\r\n{}`],
    ['no Host', `GET /api/v1/ HTTP/1.1\r\nConnection: close\r\n\r\n`],
    ['two Hosts', `GET /api/v1/ HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n`],
    ['an empty Host', `GET /api/v1/ HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n`],
    ['HTTP/1.0', `GET /api/v1/ HTTP/1.0\r\n\r\n`],
    ['HTTP/0.9', `GET /api/v1/\r\n\r\n`],
    ['HTTP/2.0', `GET /api/v1/ HTTP/2.0\r\nHost: x\r\n\r\n`],
    ['HTTP/2 with prior knowledge', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an unknown method', `BREW /api/v1/ HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['CONNECT', `CONNECT gate.example:443 HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['OPTIONS *', `OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`],
    ['an upgrade', ask(list, 'Upgrade: websocket\r\nConnection: upgrade\r\n')],
    ['an upgrade to HTTP/2', ask(list, 'Upgrade: h2c\r\nHTTP2-Settings: x\r\nConnection: Upgrade, HTTP2-Settings\r\n')],
    ['Connection that takes headers away', ask(list, 'Connection: close, Host, Authorization, Content-Length\r\n')],
    ['a header of 20 KB', ask(list, `X: ${'x'.repeat(20_000)}\r\n`)],
    ['3,000 headers', ask(list, 'X: y\r\n'.repeat(3_000))],
    ['blank lines first', `\r\n\r\n${ask(list)}`],
    ['nothing', ''],
    ['noise', '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003'],
  ];
  test.each(same)('%s: as without the gateway', async (_what, bytes) => {
    const [direct, passed] = await bothStatusesOf(bytes);
    expect(passed).toEqual(direct);
    for (const status of passed) expect(status === 100 || status < 500).toBe(true);
  });

  // The gateway waits for the body where a service may answer the head.
  test.each([
    ['a length that is too large', `${POST}Content-Length: 99999999\r\n\r\n{}`],
    ['less than its length', `${POST}Content-Length: 3\r\n\r\n{}`],
    ['a chunk size that is none', `${POST}Transfer-Encoding: chunked\r\n\r\nx\r\n{}\r\n0\r\n\r\n`],
    ['a chunk longer than its size', `${POST}Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n`],
    ['a chunk size of 20 digits', `${POST}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\n{}\r\n0\r\n\r\n`],
    ['no last chunk', `${POST}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n`],
    ['trailers without end', `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\nX: ${'y'.repeat(30_000)}`],
  ])('%s: refused or left', async (_what, bytes) => {
    for (const status of await statusesOf(through, bytes)) expect(status).toBeGreaterThanOrEqual(400);
    for (const status of await statusesOf(through, bytes)) expect(status).toBeLessThan(500);
  });

  test('requests in one piece are answered in their order', async () => {
    const bytes = [
      `GET /api/ HTTP/1.1\r\nHost: x\r\n\r\n`,
      `${POST.replace('Connection: close\r\n', '')}Content-Length: 2\r\n\r\n{}`,
      ask('/nosuch/'),
    ].join('');
    expect(await statusesOf(through, bytes)).toEqual(await statusesOf(system.url, bytes));
    expect(await statusesOf(through, bytes)).toEqual([302, 404, 404]);
  });

  test('what follows a body is the next request, not part of the first', async () => {
    const hidden = `GET /healthz HTTP/1.1\r\nHost: x\r\nX: `;
    for (const bytes of [
      `${POST}Content-Length: 0\r\n\r\n${hidden}\r\nConnection: close\r\n\r\n`,
      `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}\r\nConnection: close\r\n\r\n`,
      `${POST}Content-Length: ${hidden.length}\r\n\r\n${hidden}${ask('/nosuch/')}`,
    ]) {
      expect(await statusesOf(through, bytes)).toEqual(await statusesOf(system.url, bytes));
    }
  });
});

test('any bytes', async () => {
  const piece = fc.constantFrom(
    'GET', 'POST', ' ', '/', 'HTTP/1.1', 'HTTP/1.0', '\r\n', '\r', '\n', '\r\n\r\n', 'Host: x', 'Content-Length: 1', 'Content-Length: 0', 'Transfer-Encoding: chunked', '0\r\n\r\n', '1\r\nx\r\n',
    'Connection: close', 'Expect: 100-continue', ':', '\t', '\u0000', '\u00ff', 'x', `Authorization: Token ${TOKENS.admin}`, list, 'Upgrade: x',
  ); // prettier-ignore
  const bytes = fc.oneof(
    fc.array(piece, { maxLength: 20 }).map((parts) => parts.join('')),
    fc.array(piece, { maxLength: 8 }).map((parts) => ask(list, parts.join(''))),
    fc.array(piece, { maxLength: 8 }).map((parts) => POST + parts.join('')),
    fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array).toString('latin1')),
  );
  const property = fc.asyncProperty(bytes, async (sent) => {
    for (const status of await statusesOf(through, sent, 0)) expect(status).toBeLessThan(500);
  });
  await fc.assert(property, { numRuns: 150 });
});
