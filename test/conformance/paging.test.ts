import { checkin } from '@gatehouse/checkin/service';
import { captures } from '@gatehouse/test-support/captures';
import {
  CROWD,
  festival,
  LISTS,
  OPENAIR,
  SURVEY,
  TICKETS,
  TOKENS,
  TOURS,
  DATES,
  ITEMS,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

const captured = captures('4.13');
const token = TOKENS.admin;
const crowdLists = `${CROWD}checkinlists/`;
const crowdPositions = `${crowdLists}${LISTS.crowd}/positions/`;

type Page = { count: number; next: string | null; previous: string | null; results: { id: number }[] };

let system: System;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
});
afterAll(() => system.close());

const get = (target: string) => system.call('GET', target, { token });

async function pageAt(target: string): Promise<Page> {
  const answer = await get(target);
  expect(answer.status).toBe(200);
  return answer.body as Page;
}

/** Path and query of a link, whose host must be that of the request. */
function targetOf(link: string | null): string {
  expect(link).toMatch(new RegExp(`^${system.url}/`));
  return link!.slice(system.url.length);
}

describe.each([
  ['lists', crowdLists, 121],
  ['positions', crowdPositions, 120],
])('contract §1.8 %s', (_what, target, count) => {
  test('the envelope has the keys of the reference, in their order', async () => {
    expect(Object.keys(await pageAt(target))).toEqual(Object.keys(captured('cart-list').body as Page));
  });

  test('following `next` from the start shows every row once, `previous` leads back', async () => {
    const ids: number[] = [];
    const sizes: number[] = [];
    let link: string | null = system.url + target;
    let last = '';
    while (link) {
      const page: Page = await pageAt(targetOf(link));
      expect(page.count).toBe(count);
      ids.push(...page.results.map(({ id }) => id));
      sizes.push(page.results.length);
      last = link;
      link = page.next;
    }
    expect(sizes).toEqual([50, 50, count - 100]);
    expect(new Set(ids).size).toBe(count);

    const backwards: string[] = [];
    for (let at: string | null = last; at; at = (await pageAt(targetOf(at))).previous) backwards.push(targetOf(at));
    // The link to page 1 has no parameter.
    expect(backwards).toEqual([`${target}?page=3`, `${target}?page=2`, target]);
  });

  test.each([
    ['1', 1],
    ['7', 7],
    ['50', 50],
    ['51', 50],
    ['1000000000000000000000', 50],
    ['0', 50],
    ['-5', 50],
    ['x', 50],
    ['1.5', 50],
    ['', 50],
  ])('page_size=%s shows %d rows', async (size, rows) => {
    expect((await pageAt(`${target}?page_size=${size}`)).results).toHaveLength(rows);
  });

  test.each(['0', '-1', '4', 'x', '1.5', '', 'LAST', '9'.repeat(20), '9'.repeat(60)])(
    'page=%s is no page',
    async (page) => {
      for (const reference of ['cart-list-page-0', 'cart-list-page-beyond']) {
        expect(await get(`${target}?page=${page}`)).toMatchObject({ status: 404, body: captured(reference).body });
      }
    },
  );

  test('page=last', async () => {
    expect(await pageAt(`${target}?page=last`)).toEqual(await pageAt(`${target}?page=3`));
    const { next, previous } = await pageAt(`${target}?page=last&page_size=10`);
    expect(next).toBeNull();
    expect(targetOf(previous)).toMatch(/\?page=1\d&page_size=10$/);
  });

  test('links keep all parameters, sorted and escaped as the reference does', async () => {
    const query = (link: string | null) => link!.slice(link!.indexOf('?'));
    for (const name of ['cart-list-page-2', 'cart-list-ordering-desc', 'cart-list-filter-cart-id-ignored']) {
      const { request, body } = captured(name);
      expect(query((await pageAt(target + query(request.path))).next)).toBe(query((body as Page).next));
    }
    const { next } = await pageAt(`${target}?z=%C3%BC+%26&page_size=5&a=(*)&a=2&page=2&empty=`);
    expect(query(next)).toBe('?a=%28%2A%29&a=2&empty=&page=3&page_size=5&z=%C3%BC+%26');
  });

  test('links go where the request was sent, with and without slash', async () => {
    const answer = await system.call('GET', target.replace(/\/$/, '?page_size=1'), {
      token,
      headers: { host: 'tickets.example.org' },
    });
    expect((answer.body as Page).next).toBe(
      `http://tickets.example.org${target.replace(/\/$/, '')}?page=2&page_size=1`,
    );
  });
});

test('contract §1.8 page 1 of an empty set is valid, also as the last', async () => {
  const none = `${TOURS}checkinlists/?subevent=${DATES.night}`;
  const empty = { count: 0, next: null, previous: null, results: [] };
  expect(await pageAt(none)).toEqual(empty);
  expect(await pageAt(`${none}&page=last`)).toEqual(empty);
  expect(await pageAt(`${TOURS}checkinlists/${LISTS.dateless}/positions/`)).toEqual(empty);
  expect(await get(`${none}&page=2`)).toMatchObject({ status: 404, body: { detail: 'Invalid page.' } });
});

test('contract §1.8 pages of positions follow their order, whatever it is', async () => {
  for (const ordering of [
    'attendee_name',
    '-attendee_name',
    'order__code',
    '-positionid',
    'last_checked_in',
    '-order__email',
  ]) {
    const whole: number[] = [];
    for (let page = 1; page <= 18; page++) {
      const { results } = await pageAt(`${crowdPositions}?ordering=${ordering}&page_size=7&page=${page}`);
      whole.push(...results.map(({ id }) => id));
    }
    expect(new Set(whole).size).toBe(120);
    const jump = await pageAt(`${crowdPositions}?ordering=${ordering}&page_size=50&page=2`);
    expect(jump.results.map(({ id }) => id)).toEqual(whole.slice(50, 100));
  }
});

describe('contract §1.9 filters', () => {
  const positions = `${OPENAIR}checkinlists/${LISTS.main}/positions/`;
  const notAvailable = 'Select a valid choice. That choice is not one of the available choices.';
  const countOf = async (query: string) => (await pageAt(`${positions}?${query}`)).count;

  test('unknown parameters are ignored, empty values are no filter', async () => {
    const all = await countOf('');
    expect(await countOf('foo=bar&__proto__=1&constructor=2&toString=')).toBe(all);
    expect(
      await countOf('item=&item__in=&variation=&subevent=&order__status=&has_checkin=&search=&secret=&voucher='),
    ).toBe(all);
  });

  test.each(['item', 'variation', 'subevent', 'addon_to', 'voucher'])(
    '%s: ids must exist, in any event',
    async (name) => {
      for (const id of ['99999', 'abc', '1.5', '-1', '9223372036854775808', '1'.repeat(400), '%EF%BC%95']) {
        for (const parameter of [name, `${name}__in`]) {
          if (parameter === 'voucher__in') continue;
          expect(await get(`${positions}?${parameter}=${id}`)).toMatchObject({
            status: 400,
            body: { [parameter]: [notAvailable] },
          });
        }
      }
    },
  );

  test('ids of other events are valid and match nothing', async () => {
    expect(await countOf(`item=${ITEMS.tour}`)).toBe(0);
    expect(await countOf(`item=${ITEMS.fair}`)).toBe(0);
    expect(await countOf(`subevent=${DATES.morning}`)).toBe(0);
    expect(await countOf(`addon_to=${TICKETS.morning.id}`)).toBe(0);
  });

  test('lists of ids', async () => {
    const { pass, day } = ITEMS;
    expect(await countOf(`item__in=${pass},${day}`)).toBe(
      (await countOf(`item=${pass}`)) + (await countOf(`item=${day}`)),
    );
    expect(await get(`${positions}?item__in=${pass},99999`)).toMatchObject({
      status: 400,
      body: { item__in: [notAvailable] },
    });
  });

  test('a status is validated alone, and not in a list', async () => {
    expect(await countOf('order__status=p')).toBe(19);
    expect(await get(`${positions}?order__status=x`)).toMatchObject({
      status: 400,
      body: { order__status: ['Select a valid choice. x is not one of the available choices.'] },
    });
    expect(await countOf('order__status__in=x,y')).toBe(0);
    expect(await countOf('order__status__in=p,y')).toBe(19);
  });

  test.each([
    ['true', 2],
    ['True', 2],
    ['TRUE', 2],
    ['1', 2],
    ['false', 17],
    ['FALSE', 17],
    ['0', 17],
    ['maybe', 19],
    ['2', 19],
  ])('has_checkin=%s finds %d', async (value, count) => {
    expect(await countOf(`has_checkin=${value}`)).toBe(count);
  });

  test('errors of all parameters come together', async () => {
    expect(await get(`${positions}?item=x&variation=y&order__status=z`)).toMatchObject({
      status: 400,
      body: {
        item: [notAvailable],
        variation: [notAvailable],
        order__status: [expect.stringContaining('z is not one')],
      },
    });
  });

  test('filters are read before the page', async () => {
    for (const target of [positions, `${OPENAIR}checkinlists/`]) {
      expect(await get(`${target}?page=0&subevent=x`)).toMatchObject({
        status: 400,
        body: { subevent: [notAvailable] },
      });
    }
  });

  test('of a repeated parameter the last one counts', async () => {
    expect(await countOf(`item=${ITEMS.day}&item=${ITEMS.vip}`)).toBe(1);
  });

  test('ordering drops unknown names', async () => {
    const ids = async (ordering: string) =>
      (await pageAt(`${positions}?ordering=${ordering}`)).results.map(({ id }) => id);
    expect(await ids('price,nope')).toEqual(await ids(''));
    expect(await ids('nope,-order__code,%20positionid')).toEqual(await ids('-order__code,positionid'));
  });

  test('a NUL is refused under its name', async () => {
    for (const name of [
      'search',
      'secret',
      'item',
      'subevent',
      'order',
      'attendee_name',
      'voucher__code',
      'ordering',
      'page',
    ]) {
      expect(await get(`${positions}?${name}=a%00b`)).toMatchObject({
        status: 400,
        body: { [name]: ['Null characters are not allowed.'] },
      });
    }
    expect((await get(`${SURVEY}checkinlists/?subevent=%00`)).body).toEqual({
      subevent: ['Null characters are not allowed.'],
    });
  });
});
