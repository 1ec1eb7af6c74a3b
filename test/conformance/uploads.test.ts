import { cart } from '@gatehouse/cart/service';
import type { Answer } from '@gatehouse/service/testing';
import { DEVICES, festival, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* `POST /api/v1/upload`: contract §8.8. That answers can name what was uploaded is in cart-answers.test.ts. */

const UPLOAD = '/api/v1/upload';
const ID = /^file:[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

let system: System;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(festival());
});
afterAll(() => system.close());

type Sent = { type?: string; disposition?: string; body?: string | Buffer; target?: string; headers?: object };

const upload = ({
  type = 'image/png',
  disposition = 'attachment; filename="x.png"',
  body = Buffer.from([0x89, 0x50, 0, 0xff]),
  target = UPLOAD,
  headers = {},
}: Sent = {}): Promise<Answer> =>
  system.call('POST', target, {
    token: TOKENS.nothing,
    body,
    headers: {
      ...(type ? { 'content-type': type } : {}),
      ...(disposition ? { 'content-disposition': disposition } : {}),
      ...headers,
    },
  });

const rows = async () => {
  const { rows } = await system.pool.query<Record<string, unknown>>('select * from uploads order by expires');
  return rows;
};

describe('contract §8.8 what is taken', () => {
  test.each([
    ['image/png', 'attachment; filename="x.png"'],
    ['image/jpeg', 'attachment; filename="x.jpg"'],
    ['image/jpeg', 'attachment; filename=x.jpeg'],
    ['image/gif', 'attachment; filename="a;b \\"c\\".gif"'],
    ['application/pdf', 'attachment; filename="x"; filename*=UTF-8\'\'na%C3%AFve.pdf'],
    ['image/png; charset=binary', 'form-data; name="file"; filename="C:\\\\x.png"'],
  ])('%s, %s', async (type, disposition) => {
    const answer = await upload({ type, disposition });
    expect(answer).toMatchObject({ status: 201, body: { id: expect.stringMatching(ID) as unknown } });
    expect(Object.keys(answer.body as object)).toEqual(['id']);
  });

  test('with and without a slash, byte for byte, for 24 hours', async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, i) => i % 256));
    const answer = await upload({ target: `${UPLOAD}/`, body: content });
    expect(answer.status).toBe(201);
    const { id } = answer.body as { id: string };
    const { rows: found } = await system.pool.query<{ content: Buffer; hours: string; owner: string }>(
      `select content, round(extract(epoch from expires - now()) / 3600) as hours, owner from uploads where id = $1`,
      [id.slice('file:'.length)],
    );
    expect(found[0]!.content.equals(content)).toBe(true);
    expect(found[0]).toMatchObject({ hours: '24', owner: expect.stringMatching(/^demo\/token:\d+$/) as unknown });
  });

  test('from any authenticated principal, whatever it may do', async () => {
    const sent = { body: 'x', headers: { 'content-type': 'image/png', 'content-disposition': 'a; filename=x.png' } };
    for (const authorization of [`Token ${TOKENS.other}`, `Device ${DEVICES.gate}`]) {
      const answer = await system.call('POST', UPLOAD, { ...sent, headers: { ...sent.headers, authorization } });
      expect(answer.status).toBe(201);
    }
    for (const authorization of ['', 'Token nosuch', `Device ${DEVICES.revoked}`]) {
      const headers = { ...sent.headers, ...(authorization ? { authorization } : {}) };
      expect((await system.call('POST', UPLOAD, { ...sent, headers })).status).toBe(401);
    }
  });
});

describe('contract §8.8 what is refused', () => {
  test.each<[what: string, sent: Sent, body: unknown]>([
    ['no file', { body: '' }, ['No file has been submitted.']],
    ['no file, and nothing else right', { body: '', type: '', disposition: '' }, ['No file has been submitted.']],
    ['another type', { type: 'text/html' }, ['Content type "text/html" is not allowed']],
    ['a type of JavaScript', { type: 'constructor' }, ['Content type "constructor" is not allowed']],
    ['no type', { type: '' }, ['Content type "" is not allowed']],
    [
      'another extension',
      { disposition: 'attachment; filename="x.pdf"' },
      ['File name "x.pdf" has an invalid extension for type "image/png"'],
    ],
    [
      'an extension in capitals',
      { disposition: 'attachment; filename="X.PNG"' },
      ['File name "X.PNG" has an invalid extension for type "image/png"'],
    ],
    [
      'no name',
      { disposition: 'attachment' },
      {
        detail: 'Missing filename. Request should include a Content-Disposition header with a filename parameter.',
      },
    ],
  ])('%s', async (_what, sent, body) => {
    const before = (await rows()).length;
    expect(await upload(sent)).toMatchObject({ status: 400, body });
    expect((await rows()).length).toBe(before);
  });

  test('more than 10 MB', async () => {
    expect(await upload({ body: Buffer.alloc(10_485_761) })).toMatchObject({ status: 413 });
    expect(await upload({ body: Buffer.alloc(10_485_760) })).toMatchObject({ status: 201 });
  });

  test('other methods', async () => {
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      expect(await system.call(method, UPLOAD, { token: TOKENS.admin })).toMatchObject({
        status: 405,
        headers: { allow: 'POST, OPTIONS' },
      });
    }
  });
});

test('contract §1.10 a repeat under an idempotency key is the same file, whatever it sends', async () => {
  const first = await upload({ headers: { 'x-idempotency-key': 'upload-1' } });
  expect(first.status).toBe(201);
  const again = await upload({ headers: { 'x-idempotency-key': 'upload-1' }, body: 'another' });
  expect(again.text).toBe(first.text);
});

test('contract §8.8 what has expired goes with the next upload', async () => {
  await system.pool.query("update uploads set expires = now() - interval '1 second'");
  const before = await rows();
  expect(before.length).toBeGreaterThan(1);
  expect((await upload()).status).toBe(201);
  expect((await rows()).length).toBe(1);
});
