import type { Answer, Ask } from '@gatehouse/service/testing';
import type * as Checkin from '@gatehouse/checkin/service';
import type * as LegacyDroid from '@gatehouse/legacy-droid/service';
import type * as Paths from '@gatehouse/service/path';
import type * as Festival from '@gatehouse/test-support/festival';
import type * as Systems from '@gatehouse/test-support/system';
import { workMeter, type Meter } from '@gatehouse/test-support/work';

/*
 * Doubling any input of a client at most doubles the work, before authentication and after it: counted in the whole system,
 * over real HTTP.
 */

const BASE = '/api/v1/organizers/demo/events/openair/';
const LIST = `${BASE}checkinlists/501/`;
const DROID = '/pretixdroid/api/demo/openair/';

let meter: Meter;
let system: Systems.System;
let token: string;
let key: string;

beforeAll(async () => {
  // Code that is loaded before the meter is not counted.
  meter = workMeter();
  const { startSystem } = jest.requireActual<typeof Systems>('@gatehouse/test-support/system');
  const { checkin } = jest.requireActual<typeof Checkin>('@gatehouse/checkin/service');
  const { legacyDroid } = jest.requireActual<typeof LegacyDroid>('@gatehouse/legacy-droid/service');
  const { festival, TOKENS, DROID_KEYS } = jest.requireActual<typeof Festival>('@gatehouse/test-support/festival');
  [token, key] = [TOKENS.admin, DROID_KEYS.main];
  system = await startSystem([checkin, legacyDroid]);
  await system.import(festival());
});
afterAll(async () => {
  await system.close();
  meter.close();
});

type Sent = { readonly method?: string; readonly target: string; readonly ask?: Ask };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const form = (target: string, body: string): Sent => ({ method: 'POST', target, ask: { body, headers: FORM } });
const json = (target: string, body: string): Sent => ({
  method: 'POST',
  target,
  ask: { body, headers: { 'content-type': 'application/json' } },
});
const header = (name: string, value: string): Sent => ({ target: LIST, ask: { headers: { [name]: value } } });
const numbered = (n: number, each: (i: number) => string, by = ',') =>
  Array.from({ length: n }, (_, i) => each(i)).join(by);

/** Each with a size that can be doubled within node's limit of 16 KiB, or ours for a body. */
const INPUTS: readonly [what: string, size: number, of: (n: number) => Sent][] = [
  ['a path that could end everywhere', 800, (n) => ({ method: 'POST', target: `${LIST}positions${'/redeem'.repeat(n)}/x/` })],
  ['the same, and it does', 800, (n) => ({ method: 'POST', target: `${LIST}positions${'/redeem'.repeat(n)}/` })],
  ['a path of slashes', 5_000, (n) => ({ target: `${LIST}positions${'/'.repeat(n)}` })],
  ['a path of escapes', 2_000, (n) => ({ target: `${LIST}positions/${'%2F'.repeat(n)}/` })],
  ['a path of pluses and blanks', 2_000, (n) => ({ method: 'POST', target: `${LIST}positions/+${'+%20'.repeat(n / 2)}x/redeem/` })],
  ['a path of nowhere', 2_000, (n) => ({ target: `/api/v1${'/ab'.repeat(n)}` })],
  ['a path of words', 300, (n) => ({ target: `/api/v1${'/organizers/demo/events'.repeat(n)}` })],
  ['a path of the droid', 2_000, (n) => ({ target: `${DROID}status${'/ab'.repeat(n)}?key=x` })],
  ['a droid path of digits', 2_000, (n) => ({ target: `${DROID}${'1/'.repeat(n)}status/?key=x` })],
  ['parameters', 1_500, (n) => ({ target: `${LIST}positions/?${'a=b&'.repeat(n)}` })],
  ['parameters of the droid', 1_500, (n) => ({ target: `${DROID}search/?${'key=x&'.repeat(n / 2)}` })],
  ['a parameter', 5_000, (n) => ({ target: `${LIST}positions/?search=${'+'.repeat(n)}` })],
  ['orderings', 400, (n) => ({ target: `${LIST}positions/?ordering=${numbered(n, (i) => ['positionid', '-order__code'][i % 2]!)}` })],
  ['ids', 900, (n) => ({ target: `${LIST}positions/?item__in=${numbered(n, () => '101')}` })],
  ['different ids', 900, (n) => ({ target: `${LIST}positions/?addon_to__in=${numbered(n, (i) => String(1000 + i))}` })],
  ['ids of vouchers, and a code', 900, (n) => ({ target: `${LIST}positions/?voucher__in=${numbered(n, () => '1')}&voucher__code=x` })],
  ['statuses', 3_000, (n) => ({ target: `${LIST}positions/?order__status__in=${numbered(n, () => 'p')}&order__status=n` })],
  ['a page number', 5_000, (n) => ({ target: `${LIST}positions/?page=${'9'.repeat(n)}` })],
  ['parameters that come back in links', 1_000, (n) => ({ target: `${LIST}positions/?page_size=1&${numbered(n, (i) => `b${i % 10}=1`, '&')}` })],
  ['Accept', 1_000, (n) => header('accept', numbered(n, () => 'a/b;q=1'))],
  ['Accept-Language', 1_000, (n) => header('accept-language', numbered(n, () => 'de-AT;q=1'))],
  ['Accept-Encoding and If-None-Match', 1_000, (n) => ({
    target: `${DROID}download/?key=${key}`,
    ask: { headers: { 'accept-encoding': numbered(n, () => 'br'), 'if-none-match': numbered(n, () => '"x"') } },
  })],
  ['Authorization', 3_000, (n) => header('authorization', `Token ${'a '.repeat(n)}`)],
  ['Cookie', 2_000, (n) => ({ method: 'POST', target: LIST, ask: { headers: { cookie: ';  '.repeat(n), 'x-idempotency-key': `c${n}` } } })],
  ['Host', 5_000, (n) => ({ target: '/api/v1/', ask: { headers: { host: 'a'.repeat(n) } } })],
  ['traceparent', 5_000, (n) => header('traceparent', '0'.repeat(n))],
  ['form fields', 4_000, (n) => form(`${LIST}positions/1001/redeem/`, 'a=b&'.repeat(n))],
  ['form fields of the droid', 4_000, (n) => form(`${DROID}redeem/?key=${key}`, 'answer_1=b&'.repeat(n))],
  ['a droid secret of blanks', 50_000, (n) => form(`${DROID}redeem/?key=${key}`, `secret=${'+'.repeat(n)}x`)],
  ['a droid date', 50_000, (n) => form(`${DROID}redeem/?key=${key}`, `secret=x&datetime=${'1 '.repeat(n)}`)],
  ['depth of JSON', 20_000, (n) => json(`${LIST}positions/1001/redeem/`, '[{"a":'.repeat(n))],
  ['length of JSON', 20_000, (n) => json(`${LIST}positions/1001/redeem/`, `{"answers":{${numbered(n, (i) => `"${100_000 + i}":"x"`)}}}`)],
  ['numbers of JSON', 10_000, (n) => json(`${BASE}checkinlists/`, `{"name":"x","limit_products":[${numbered(n, () => '1234567890123456789')}]}`)],
  ['ids in JSON', 10_000, (n) => json(`${BASE}checkinlists/`, `{"name":"","limit_products":[${numbered(n, (i) => String(i))}]}`)],
  ['channels in JSON', 10_000, (n) => json(`${BASE}checkinlists/`, `{"name":"x","auto_checkin_sales_channels":[${numbered(n, (i) => `"${i}"`)}]}`)],
  ['digits of JSON', 100_000, (n) => json(`${LIST}positions/1001/redeem/`, `{"nonce":${'9'.repeat(n)}}`)],
  ['a text in JSON', 100_000, (n) => json(`${BASE}checkinlists/`, `{"name":"${' \\\\'.repeat(n)}"}`)],
]; // prettier-ignore

/** The cost of any request, regardless of its input. */
const CONSTANT = 2_000;

/** The least steps of three tries, since other work sometimes runs at the same time, or of those until they are `enough`. */
async function stepsOf({ method = 'GET', target, ask }: Sent, withToken: boolean, enough = 0): Promise<number> {
  const sent = withToken && !ask?.headers?.['authorization'] ? { ...ask, token } : (ask ?? {});
  let answer: Answer | undefined;
  let least = Infinity;
  for (let i = 0; i < 3 && least > enough; i++) {
    least = Math.min(least, await meter.count(async () => (answer = await system.call(method, target, sent))));
  }
  expect(answer!.status).toBeLessThan(500);
  return least;
}

describe.each([
  ['without a credential', false],
  ['with one', true],
])('%s', (_how, withToken) => {
  test.each(INPUTS)('%s', async (_what, size, of) => {
    const once = await stepsOf(of(size), withToken);
    const most = 2 * once + CONSTANT;
    const twice = await stepsOf(of(2 * size), withToken, most);
    expect({ once, twice, isLinear: twice <= most }).toMatchObject({ isLinear: true });
  });
});

test('the meter sees a quadratic loop, and one that hides in what is built in', async () => {
  const { PathTable, targetOf } = jest.requireActual<typeof Paths>('@gatehouse/service/path');
  const table = new PathTable<number>();
  const hidden = (n: number) => () => {
    const { segments } = targetOf('/a'.repeat(n));
    table.find(targetOf('/x'));
    for (let end = 1; end < segments.length; end++) segments.slice(0, end).join('/');
  };
  expect(await meter.count(hidden(2_000))).toBeGreaterThan(3.5 * (await meter.count(hidden(1_000))));
});
