import type { AddressInfo } from 'node:net';
import { PDFDocument } from '@cantoo/pdf-lib';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { gateway } from '@gatehouse/gateway/gateway';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { createLog } from '@gatehouse/service/log';
import { call } from '@gatehouse/service/testing';
import {
  batchesOf,
  batchShop,
  ended,
  linkIn,
  made,
  rendered,
  requested,
  targetOf,
  type ShownBatch,
} from '@gatehouse/test-support/batches';
import { HALL, ITEMS, TOKENS, TOURS } from '@gatehouse/test-support/cart-shop';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* A batch as a PDF: contract §9.2 and §9.4, with byte ranges, and all of §9 through the gateway. */

let system: System;
let replica: Process;
let batch: ShownBatch;
/** Of its PDF. */
let link: string;
let pdf: Buffer;
beforeAll(async () => {
  system = await startSystem([offlineSales, cart, checkin]);
  await system.import(batchShop());
  replica = await startProcess([offlineSales], { DATABASE_URL: system.databaseUrl, TRUSTED_PROXIES: 'loopback' });
  batch = await made(system, { amount: 30 });
  link = await rendered(system, batch.id);
  pdf = (await download(link)).bytes;
});
afterAll(async () => {
  await replica.close();
  await system.close();
});

const batches = batchesOf(HALL);
const NOT_FOUND = { status: 404, body: { detail: 'Not found.' } };
const get = (target: string, headers: Record<string, string> = {}) =>
  system.call('GET', targetOf(target), { token: TOKENS.viewer, headers });
const render = (headers: Record<string, string> = {}, body?: string, id: unknown = batch.id) =>
  system.call('POST', `${batches}${String(id)}/render/`, { token: TOKENS.changer, headers, body: body! });

/** The same with the bytes of the answer, which are no text. */
async function download(target: string, headers: Record<string, string> = {}, url = system.url) {
  const authorization = `Token ${TOKENS.viewer}`;
  const answer = await fetch(url + targetOf(target), { headers: { ...headers, authorization } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  return { status: answer.status, headers: Object.fromEntries(answer.headers), bytes };
}

describe('contract §9.2 render', () => {
  test('202 and a link of three ids, whatever the body is', async () => {
    const json = { 'content-type': 'application/json' };
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const [headers, body] of [
      [{}, undefined],
      [json, ''],
      [json, '{"a":1}'],
      [json, '[]'],
      [form, 'a=1'],
    ] as const) {
      const answer = await render(headers, body);
      expect(answer.status).toBe(202);
      expect(Object.keys(answer.body as object)).toEqual(['download']);
      expect(targetOf(linkIn(answer, 'download'))).toMatch(
        new RegExp(`^${batches}${batch.id}/download/[0-9a-f-]{36}/[0-9a-f-]{36}/$`),
      );
    }
  });

  test('400 and 415 for a body that cannot be read (§1.4)', async () => {
    expect(await render({ 'content-type': 'application/json' }, '{')).toMatchObject({ status: 400 });
    expect(await render({ 'content-type': 'text/plain' }, 'x')).toMatchObject({ status: 415 });
  });

  test('404 for a batch that was refused or is unknown', async () => {
    const failed = await requested(system, { item: ITEMS.soldOutTwice });
    expect((await ended(system, failed)).answer.status).toBe(410);
    for (const id of [batch.id + 1_000, 'x', '01', '%00']) {
      expect(await render({}, undefined, id)).toMatchObject(NOT_FOUND);
    }
  });

  test('every call makes another file, but a repeat with its idempotency key (§1.10) none, in whichever process', async () => {
    const headers = { 'x-idempotency-key': 'render' };
    const first = await render(headers);
    expect((await render(headers)).text).toBe(first.text);
    const ask = { token: TOKENS.changer, headers };
    const elsewhere = await replica.call('POST', `${batches}${batch.id}/render/`, ask);
    expect(elsewhere).toMatchObject({ status: 202, text: first.text });
    expect((await render()).text).not.toBe(first.text);
    await system.pool.query(
      "update transport.idempotency set status = null, headers = null, body = null, owner = 0 where key = 'render'",
    );
    const count = async () => (await system.pool.query('select 1 from render_files')).rowCount;
    const before = await count();
    // It runs again, as after the death of its process.
    expect((await render(headers)).text).toBe(first.text);
    expect(await count()).toBe(before);
  });
});

describe('contract §9.4 the file', () => {
  test('is a PDF with a page for each ticket, to be stored under a name', async () => {
    const answer = await download(link);
    expect(answer).toMatchObject({
      status: 200,
      headers: {
        'content-type': 'application/pdf',
        'content-disposition': `attachment; filename="tickets-hall-${batch.id}.pdf"`,
        'content-length': String(answer.bytes.length),
        'accept-ranges': 'bytes',
      },
    });
    expect((await PDFDocument.load(answer.bytes)).getPageCount()).toBe(30);
  });

  test('is the same again and again, in every process, with and without a slash', async () => {
    for (const url of [system.url, replica.url]) {
      expect((await download(link, {}, url)).bytes.equals(pdf)).toBe(true);
      expect((await download(link.slice(0, -1), {}, url)).bytes.equals(pdf)).toBe(true);
    }
    expect((await download(link, { accept: 'application/pdf' })).status).toBe(200);
  });

  test('HEAD has its headers', async () => {
    const answer = await system.call('HEAD', targetOf(link), { token: TOKENS.viewer });
    expect(answer).toMatchObject({ status: 200, text: '', headers: { 'content-length': String(pdf.length) } });
  });

  test('comes in parts that fit together, wherever they are cut', async () => {
    const cuts = [0, 1, 7, Math.floor(pdf.length / 3), pdf.length - 1];
    const parts: Buffer[] = [];
    for (const [n, from] of cuts.entries()) {
      const to = (cuts[n + 1] ?? pdf.length) - 1;
      const part = await download(link, { range: `bytes=${from}-${to}` });
      expect(part).toMatchObject({ status: 206, headers: { 'content-range': `bytes ${from}-${to}/${pdf.length}` } });
      parts.push(part.bytes);
    }
    expect(Buffer.concat(parts).equals(pdf)).toBe(true);
    const { bytes, headers } = await download(link, { range: 'bytes=-10' });
    expect(bytes.equals(pdf.subarray(-10))).toBe(true);
    const { etag } = headers as { etag: string };
    expect((await download(link, { range: 'bytes=1-', 'if-range': etag })).status).toBe(206);
    expect((await download(link, { range: 'bytes=1-', 'if-range': '"other"' })).status).toBe(200);
    const beyond = await download(link, { range: `bytes=${pdf.length}-` });
    expect(beyond).toMatchObject({ status: 416, headers: { 'content-range': `bytes */${pdf.length}` } });
  });

  test('409 with Retry-After until it is there', async () => {
    const { id } = await made(system, { amount: 1_500 });
    const { answer, before } = await ended(system, linkIn(await render({}, undefined, id), 'download'));
    expect(answer.status).toBe(200);
    expect(before.length).toBeGreaterThan(0);
    let last = 0;
    for (const { headers, body } of before) {
      expect(headers['retry-after']).toBe('1');
      const { status, percentage, ...rest } = body as { status: string; percentage?: number };
      expect(rest).toEqual({});
      if (status === 'waiting') expect([percentage, last]).toEqual([undefined, 0]);
      else expect(status).toBe('running');
      expect(percentage ?? 0).toBeGreaterThanOrEqual(last);
      expect(Number.isInteger(percentage ?? 0)).toBe(true);
      last = percentage ?? 0;
    }
  });

  test('409 waiting, 409 running and 410, as its row says', async () => {
    const made = await rendered(system, batch.id);
    const file = made.split('/').at(-2);
    const set = (what: string) => system.pool.query(`update render_files set ${what} where id = $1`, [file]);
    const retry = { 'retry-after': '1' };
    await set("status = 'waiting', drawn = 0");
    expect(await get(made)).toMatchObject({ status: 409, text: '{"status":"waiting"}', headers: retry });
    await set("status = 'running', drawn = 10, alive = now()");
    const running = '{"status":"running","percentage":33}';
    expect(await get(made)).toMatchObject({ status: 409, text: running, headers: retry });
    await set("status = 'failed', message = 'The ticket layout does not exist any more.'");
    for (let n = 0; n < 2; n++) {
      expect(await get(made)).toMatchObject({
        status: 410,
        body: { status: 'failed', message: 'The ticket layout does not exist any more.' },
      });
    }
  });

  test('404 for other ids, another batch, another event, and after 24 hours', async () => {
    const [job, file] = link.split('/').slice(-3) as [string, string];
    const other = '29891ede-196f-4942-9e26-d055a36e98b8';
    const { id } = await made(system, { amount: 1 });
    const at = (of: unknown, ...ids: string[]) => `${batches}${String(of)}/download/${ids.join('/')}/`;
    for (const target of [
      at(batch.id, job, other),
      at(batch.id, other, file),
      at(batch.id, file, job),
      at(batch.id, job, 'x'),
      at(batch.id, '%00', file),
      at(id, job, file),
      at('x', job, file),
      targetOf(link).replace(HALL, TOURS),
    ]) {
      expect(await get(target)).toMatchObject(NOT_FOUND);
    }
    const old = await rendered(system, batch.id);
    await system.pool.query("update render_files set expires = now() - interval '1 second' where id = $1", [
      old.split('/').at(-2),
    ]);
    expect(await get(old)).toMatchObject(NOT_FOUND);
    expect((await get(link)).status).toBe(200);
  });

  test('to look changes nothing', async () => {
    const rows = async () => (await system.pool.query('select * from render_files order by id')).rows;
    const before = [await rows(), (await system.events()).length];
    for (let n = 0; n < 3; n++) await download(link, { range: 'bytes=5-9' });
    expect([await rows(), (await system.events()).length]).toEqual(before);
  });
});

test('all of it through the gateway, with links to where it was asked for', async () => {
  const front = gateway(
    { checkin: [system.url], cart: [system.url], offlineSales: [replica.url] },
    { log: createLog('silent') },
  );
  await new Promise<void>((resolve) => front.server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(front.server.address() as AddressInfo).port}`;
  const through = { call: (...[method, target, ask]: Parameters<System['call']>) => call(url, method, target, ask) };
  while ((await through.call('GET', '/readyz')).status !== 200) await new Promise((again) => setTimeout(again, 10));
  try {
    const check = await requested(through);
    expect(check).toMatch(new RegExp(`^${url}${batches}check/`));
    const { answer } = await ended(through, check);
    const { id } = answer.body as ShownBatch;
    const file = await rendered(through, id);
    expect(file).toMatch(new RegExp(`^${url}${batches}${id}/download/`));
    const whole = await download(file, {}, url);
    expect(whole).toMatchObject({ status: 200, headers: { 'content-type': 'application/pdf' } });
    expect(whole.bytes.equals((await download(file)).bytes)).toBe(true);
    const part = await download(file, { range: 'bytes=0-3' }, url);
    expect([part.status, part.bytes.toString()]).toEqual([206, '%PDF']);
    expect((await download(file, { range: 'bytes=99999999-' }, url)).status).toBe(416);
    expect((await through.call('GET', `${batches}${id}/`, { token: TOKENS.viewer })).status).toBe(200);
    expect((await through.call('GET', `${batches}check/x/`, { token: TOKENS.viewer })).status).toBe(404);
  } finally {
    front.server.closeAllConnections();
    await new Promise((resolve) => front.server.close(resolve));
    front.close();
  }
});
