import { cart } from '@gatehouse/cart/service';
import { batchStream } from '@gatehouse/events/sales';
import { issueTickets, TICKETS_AT_ONCE } from '@gatehouse/domain/batch';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { openMint } from '@gatehouse/sales/mint';
import { openSales, type SalesContext } from '@gatehouse/sales/sales';
import { openBackends, type Backends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import {
  batchesOf,
  batchShop,
  ended,
  LAYOUTS,
  linkIn,
  made,
  requested,
  targetOf,
  WANTED,
} from '@gatehouse/test-support/batches';
import { DATES, HALL, ITEMS, quotaOf, TOKENS, TOURS, VARIATIONS } from '@gatehouse/test-support/cart-shop';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The request for a batch and its way: contract §9.3 and §9.4, with idempotency keys (§1.10). */

let system: System;
let replica: Process;
beforeAll(async () => {
  system = await startSystem([offlineSales, cart]);
  await system.import(batchShop());
  replica = await startProcess([offlineSales, cart], system.databaseUrl);
});
afterAll(async () => {
  await replica.close();
  await system.close();
});

const batches = batchesOf(HALL);
const NOT_FOUND = { status: 404, body: { detail: 'Not found.' } };
const post = (json: object, headers: Record<string, string> = {}) =>
  system.call('POST', batches, { token: TOKENS.changer, json, headers });
const get = (target: string, headers: Record<string, string> = {}) =>
  system.call('GET', target, { token: TOKENS.viewer, headers });
const countOf = async (event = HALL) => ((await get(batchesOf(event))).body as { count: number }).count;
const availableOf = async (item: number) => {
  const { body } = await get(`${HALL}quotas/${quotaOf(item)}/availability/`);
  return (body as { available_number: number }).available_number;
};

describe('contract §9.3 the request', () => {
  test('202 and a link, under which the batch is found', async () => {
    const answer = await post({ testmode: true, ...WANTED, sales_channel: 'web', amount: 10 });
    expect(answer.status).toBe(202);
    expect(Object.keys(answer.body as object)).toEqual(['check']);
    const { answer: last } = await ended(system, linkIn(answer, 'check'));
    expect(last).toMatchObject({ status: 200, body: { amount: 10, testmode: true } });
  });

  const missing = (id: unknown) => [`Invalid pk "${String(id)}" - object does not exist.`];
  test.each<[string, object, object]>([
    ['a product of another event', { item: ITEMS.tour }, { item: missing(ITEMS.tour) }],
    ['a layout of another event', { layout: LAYOUTS.tours }, { layout: missing(LAYOUTS.tours) }],
    ['an unknown layout', { layout: 99999 }, { layout: missing(99999) }],
    ['a layout that is no id', { layout: 'A6' }, { layout: ['Incorrect type. Expected pk value, received str.'] }],
    ['none', { amount: 0 }, { amount: ['Ensure this value is greater than or equal to 1.'] }],
    ['too many', { amount: 10_001 }, { amount: ['Ensure this value is less than or equal to 10000.'] }],
    ['a part', { amount: 1.5 }, { amount: ['A valid integer is required.'] }],
    ['an unknown channel', { sales_channel: 'fax' }, { sales_channel: ['"fax" is not a valid choice.'] }],
    ['a testmode that is neither', { testmode: 'x' }, { testmode: ['Must be a valid boolean.'] }],
    ['no variation', { item: ITEMS.day }, { variation: ['This field is required.'] }],
    ['a variation of another product', { variation: VARIATIONS.friday }, { variation: missing(VARIATIONS.friday) }],
    ['a date without a series', { subevent: DATES.morning }, { subevent: missing(DATES.morning) }],
  ])('400 %s', async (_what, json, body) => {
    expect(await post({ ...WANTED, ...json })).toMatchObject({ status: 400, body });
  });

  test('400 an empty body says what is required, a list that it is none', async () => {
    const required = ['This field is required.'];
    expect((await post({})).body).toEqual({ item: required, layout: required, amount: required });
    expect((await system.call('POST', batches, { token: TOKENS.changer })).body).toEqual({
      ...{ item: required, layout: required, amount: required },
    });
    expect((await post([])).body).toEqual({
      non_field_errors: ['Invalid data. Expected a dictionary, but got list.'],
    });
  });

  test('a series needs one of its dates', async () => {
    const json = { item: ITEMS.tour, layout: LAYOUTS.tours, amount: 1 };
    const ask = (more: object) =>
      system.call('POST', batchesOf(TOURS), { token: TOKENS.toursOnly, json: { ...json, ...more } });
    expect((await ask({})).body).toEqual({ subevent: ['This field is required.'] });
    expect((await ask({ subevent: DATES.night })).body).toEqual({ subevent: missing(DATES.night) });
    expect((await ask({ subevent: DATES.morning })).status).toBe(202);
  });

  test('a form says the same; other types and broken JSON are refused (§1.4)', async () => {
    const form = `item=${ITEMS.pass}&layout=${LAYOUTS.hall}&amount=1&testmode=on`;
    const send = (type: string, body: string) =>
      system.call('POST', batches, { token: TOKENS.changer, body, headers: { 'content-type': type } });
    const { answer } = await ended(system, linkIn(await send('application/x-www-form-urlencoded', form), 'check'));
    expect(answer).toMatchObject({ status: 200, body: { testmode: true } });
    expect(await send('text/plain', 'x')).toMatchObject({ status: 415 });
    expect(await send('application/json', '{"item": 1,}')).toMatchObject({ status: 400 });
  });

  test('places are not asked for at once: 202, and then 410 with the reason', async () => {
    const link = await requested(system, { item: ITEMS.five, amount: 6 });
    const message = expect.stringContaining('Five') as unknown;
    expect((await ended(system, link)).answer).toMatchObject({ status: 410, body: { status: 'failed', message } });
    // All or none: the next one finds all of them.
    expect(await availableOf(ITEMS.five)).toBe(5);
    expect((await made(system, { item: ITEMS.five, amount: 5 })).amount).toBe(5);
    expect(await availableOf(ITEMS.five)).toBe(0);
  });
});

describe('contract §9.4 a job', () => {
  test('that has succeeded answers the same again and again, in every process', async () => {
    const link = await requested(system);
    const { answer } = await ended(system, link);
    expect(answer).toMatchObject({ status: 200, headers: { 'content-type': 'application/json' } });
    const { id } = answer.body as { id: number };
    expect((await get(`${batches}${id}/`)).body).toEqual(answer.body);
    for (const server of [system, replica]) {
      const again = await server.call('GET', targetOf(link), { token: TOKENS.viewer });
      expect(again).toMatchObject({ status: 200, text: answer.text });
    }
    // Whoever may see orders may look, not only who has asked.
    expect((await system.call('GET', targetOf(link), { token: TOKENS.changer })).status).toBe(403);
  });

  test('that has failed stays failed, and leaves no batch', async () => {
    const before = await countOf();
    const link = await requested(system, { item: ITEMS.soldOutTwice });
    const { answer } = await ended(system, link);
    expect(answer.status).toBe(410);
    expect(Object.keys(answer.body as object)).toEqual(['status', 'message']);
    for (const server of [system, replica]) {
      expect(await server.call('GET', targetOf(link), { token: TOKENS.viewer })).toMatchObject({
        status: 410,
        text: answer.text,
      });
    }
    expect(await countOf()).toBe(before);
  });

  test('404 for what was never asked for, is no UUID, or belongs to another event', async () => {
    for (const job of ['29891ede-196f-4942-9e26-d055a36e98b8', '1', 'x', '%00', "'", '9'.repeat(400)]) {
      expect(await get(`${batches}check/${job}/`)).toMatchObject(NOT_FOUND);
    }
    const link = targetOf(await requested(system));
    expect(await get(link.replace(HALL, TOURS))).toMatchObject(NOT_FOUND);
    expect((await ended(system, link)).answer.status).toBe(200);
    expect(await get(link.replace(HALL, TOURS))).toMatchObject(NOT_FOUND);
  });

  test('404 when it has ended more than 24 hours ago; the batch stays', async () => {
    const [link, failed] = [await requested(system), await requested(system, { item: ITEMS.closed })];
    const { answer } = await ended(system, link);
    await ended(system, failed);
    const { id } = answer.body as { id: number };
    const age = (hours: string) => system.pool.query('update batches set ended = now() - $1::interval', [hours]);
    await age('23 hours 59 minutes');
    expect(await get(targetOf(link))).toMatchObject({ status: 200 });
    expect(await get(targetOf(failed))).toMatchObject({ status: 410 });
    await age('24 hours 1 second');
    expect(await get(targetOf(link))).toMatchObject(NOT_FOUND);
    expect(await get(targetOf(failed))).toMatchObject(NOT_FOUND);
    expect(await get(`${batches}${id}/`)).toMatchObject({ status: 200, body: answer.body as object });
  });
});

let keys = 0;
const newKey = () => ({ 'x-idempotency-key': `batch ${++keys}` });

describe('contract §1.10, §9.4 idempotency keys', () => {
  test('a repeat gets the same link, in every process, and makes no second batch', async () => {
    const [headers, before] = [newKey(), await countOf()];
    const first = await post(WANTED, headers);
    await ended(system, linkIn(first, 'check'));
    for (const server of [system, replica]) {
      const again = await server.call('POST', batches, { token: TOKENS.changer, json: WANTED, headers });
      expect(again).toMatchObject({ status: 202, text: first.text });
    }
    expect((await post({ ...WANTED, amount: 1 }, headers)).text).toBe(first.text);
    await system.settled();
    expect(await countOf()).toBe(before + 1);
  });

  test('many at once make one', async () => {
    const [headers, before] = [newKey(), await countOf()];
    const ask = { token: TOKENS.changer, json: WANTED, headers };
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, n) => (n % 2 ? replica : system).call('POST', batches, ask)),
    );
    const links = new Set(answers.filter(({ status }) => status === 202).map(({ text }) => text));
    expect(links.size).toBe(1);
    for (const { status } of answers) expect([202, 409]).toContain(status);
    const again = await post(WANTED, headers);
    expect(links).toContain(again.text);
    await ended(system, linkIn(again, 'check'));
    await system.settled();
    expect(await countOf()).toBe(before + 1);
  });

  test('after a reply that was lost with its process the repeat finds the same job', async () => {
    const [headers, before] = [newKey(), await countOf()];
    const first = await post(WANTED, headers);
    // As if the process had been killed between the event and the storing of its reply.
    const { rowCount } = await system.pool.query(
      'update transport.idempotency set status = null, headers = null, body = null, owner = 0 where key = $1',
      [headers['x-idempotency-key']],
    );
    expect(rowCount).toBe(1);
    const again = await post(WANTED, headers);
    expect(again).toMatchObject({ status: 202, text: first.text });
    await ended(system, linkIn(again, 'check'));
    await system.settled();
    expect(await countOf()).toBe(before + 1);
  });

  test('a refusal is stored, too', async () => {
    const headers = newKey();
    const refused = await post({}, headers);
    expect(refused.status).toBe(400);
    expect(await post(WANTED, headers)).toMatchObject({ status: 400, text: refused.text });
  });
});

describe('contract §9.4 a job that goes on', () => {
  const PUBLIC_URL = 'https://tickets.example.org';
  let alone: System;
  let sales: SalesContext;
  let backends: Backends;
  beforeAll(async () => {
    // Without inventory nobody decides about places.
    alone = await startSystem([offlineSales], { PUBLIC_URL });
    await alone.import(batchShop());
    backends = openBackends(readConfig({}), alone.databaseUrl);
    sales = await openSales(backends);
  });
  afterAll(async () => {
    await sales.close();
    await backends.close();
    await alone.close();
  });

  test('409 and Retry-After while it waits and while it runs, also with an idempotency key; no list shows it', async () => {
    const sent = await requested(alone, { amount: 3_000 });
    expect(sent).toContain(`${PUBLIC_URL}${batches}check/`);
    const link = targetOf(sent);
    const headers = { 'x-idempotency-key': 'look' };
    const look = () => alone.call('GET', link, { token: TOKENS.viewer, headers });
    const RETRY = { status: 409, headers: { 'retry-after': '1', 'content-type': 'application/json' } };
    expect(await look()).toMatchObject({ ...RETRY, text: '{"status":"waiting"}' });

    const job = /check\/([^/]+)/.exec(link)![1]!;
    const issueFrom = async (from: number, until: number) => {
      for (let at = from; at < until; at += TICKETS_AT_ONCE) {
        const issue = issueTickets(at, openMint().tickets(TICKETS_AT_ONCE, false), 1_500_000_000);
        await sales.batches.transact(batchStream(job), issue, { actor: 'test', trace: null });
      }
    };
    await issueFrom(0, 2_000);
    await alone.settled();
    expect(await look()).toMatchObject({ ...RETRY, text: '{"status":"running","percentage":66}' });
    const list = async () => (await alone.call('GET', batches, { token: TOKENS.viewer })).body;
    expect(await list()).toMatchObject({ count: 0, results: [] });

    await issueFrom(2_000, 3_000);
    await alone.settled();
    const done = await look();
    expect(done).toMatchObject({ status: 200, body: { amount: 3_000 } });
    expect((done.body as { orders: string[] }).orders).toHaveLength(3_000);
    expect(await list()).toMatchObject({ count: 1 });
  });
});
