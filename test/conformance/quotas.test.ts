import { cart } from '@gatehouse/cart/service';
import { cartShop, DATES, HALL, ITEMS, quotaOf, TOKENS, TOURS } from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Quotas, which are only shown; what is left of them is in cart-states.test.ts (contract §2.7). */

let system: System;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartShop());
});
afterAll(() => system.close());

type Quota = Record<string, unknown> & { readonly id: number };
const get = (target: string) => system.call('GET', target, { token: TOKENS.viewer });
const page = async (target: string) => {
  const answer = await get(target);
  expect(answer.status).toBe(200);
  return answer.body as { count: number; results: Quota[] };
};
const idsOf = async (target: string) => (await page(target)).results.map(({ id }) => id);
const MORNING = DATES.morning + 1_000;
const EVENING = DATES.evening + 1_000;

describe('the resource', () => {
  test('is that of the export, its keys in their order', async () => {
    const { body } = await get(`${HALL}quotas/${quotaOf(ITEMS.paid)}/`);
    expect(JSON.stringify(body)).toBe(
      JSON.stringify({
        id: quotaOf(ITEMS.paid),
        name: 'Paid',
        size: 10,
        items: [ITEMS.paid],
        variations: [],
        subevent: null,
        closed: false,
        close_when_sold_out: false,
        release_after_exit: true,
        ignore_for_event_availability: false,
      }),
    );
    expect((await page(`${HALL}quotas/`)).results.find(({ id }) => id === quotaOf(ITEMS.paid))).toEqual(body);
  });

  test.each([
    ['', {}],
    ['?with_availability=false', {}],
    ['?with_availability=true', { available: true, available_number: 7 }],
  ])('with_availability: %s', async (query, more) => {
    const plain = (await get(`${HALL}quotas/${quotaOf(ITEMS.paid)}/`)).body as object;
    expect((await get(`${HALL}quotas/${quotaOf(ITEMS.paid)}/${query}`)).body).toEqual({ ...plain, ...more });
    const listed = (await page(`${HALL}quotas/${query}`)).results.find(({ id }) => id === quotaOf(ITEMS.paid));
    expect(listed).toEqual({ ...plain, ...more });
  });

  test('what is left agrees with availability/ for every quota', async () => {
    const { results } = await page(`${HALL}quotas/?with_availability=true`);
    expect(results.length).toBeGreaterThan(15);
    for (const { id, available, available_number, size } of results) {
      const { body } = await get(`${HALL}quotas/${id}/availability/`);
      expect(body).toMatchObject({ available, available_number, total_size: size });
      expect(Object.keys(body as object)).toEqual(
        'paid_orders pending_orders exited_orders blocking_vouchers cart_positions waiting_list available_number available total_size'.split(
          ' ',
        ),
      );
    }
  });
});

describe('the list', () => {
  test('by id, all of them', async () => {
    const { count, results } = await page(`${HALL}quotas/`);
    expect(count).toBe(results.length);
    expect(results.map(({ id }) => id)).toEqual(results.map(({ id }) => id).toSorted((a, b) => a - b));
  });

  test.each([
    ['', [MORNING, EVENING]],
    ['?ordering=-id', [EVENING, MORNING]],
    ['?ordering=nosuch', [MORNING, EVENING]],
    [`?subevent=${DATES.evening}`, [EVENING]],
    [`?subevent=`, [MORNING, EVENING]],
    // Of another event: valid, and matches nothing.
    [`?subevent=${DATES.night}`, []],
    [`?subevent__in=${DATES.evening},${DATES.night}`, [EVENING]],
    ['?page_size=1', [MORNING]],
    ['?page_size=1&page=last', [EVENING]],
    ['?foo=bar', [MORNING, EVENING]],
  ])('%s', async (query, ids) => {
    expect(await idsOf(`${TOURS}quotas/${query}`)).toEqual(ids);
  });

  test('by size, unlimited ones as the largest', async () => {
    const sizes = (await page(`${HALL}quotas/?ordering=-size`)).results.map(({ size }) => size ?? Infinity);
    expect(sizes).toEqual(sizes.toSorted((a, b) => Number(b) - Number(a) || 0));
    expect(await idsOf(`${HALL}quotas/?ordering=size,-id`)).toEqual(
      (await page(`${HALL}quotas/`)).results
        .toSorted((a, b) => Number(a['size'] ?? 1e9) - Number(b['size'] ?? 1e9) || b.id - a.id)
        .map(({ id }) => id),
    );
  });

  test.each(['subevent=99999', 'subevent=x', 'subevent__in=99999'])('%s is refused', async (query) => {
    expect(await get(`${TOURS}quotas/?${query}`)).toMatchObject({
      status: 400,
      body: {
        [query.split('=')[0]!]: ['Select a valid choice. That choice is not one of the available choices.'],
      },
    });
  });
});

test('404: unknown, of another event, no number', async () => {
  for (const id of ['99999', String(MORNING), 'abc', '01', '9'.repeat(30)]) {
    for (const target of [`${HALL}quotas/${id}/`, `${HALL}quotas/${id}/availability/`]) {
      expect(await get(target)).toMatchObject({ status: 404, body: { detail: 'Not found.' } });
    }
  }
});

test('read only: 405 for all else', async () => {
  for (const target of ['', `${quotaOf(ITEMS.paid)}/`, `${quotaOf(ITEMS.paid)}/availability/`]) {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      const answer = await system.call(method, `${HALL}quotas/${target}`, { token: TOKENS.admin, json: {} });
      expect(answer).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD, OPTIONS' } });
    }
  }
});
