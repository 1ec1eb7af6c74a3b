import { ApiError } from './errors';
import { askedPage, pageOf, pageReply } from './pages';
import { Query } from './query';

const URL = 'https://pretix.example.org/api/v1/organizers/demo/events/openair/cartpositions/';

function page(query: string, count = 49): unknown {
  const at = { url: URL, query: new Query(query) };
  return pageReply(at, pageOf(askedPage(at.query), count), []).body;
}

function failure(query: string, count = 49): unknown {
  try {
    return page(query, count);
  } catch (error) {
    return error instanceof ApiError ? [error.status, error.body] : error;
  }
}

test.each([
  // As captured: cart-list-page-size, cart-list-page-2, cart-list-page-last, cart-list-page-size-0, -51, -text.
  ['page_size=2', `${URL}?page=2&page_size=2`, null],
  ['page_size=2&page=2', `${URL}?page=3&page_size=2`, `${URL}?page_size=2`],
  ['page_size=10&page=last', null, `${URL}?page=4&page_size=10`],
  ['page_size=0', null, null],
  ['page_size=51', null, null],
  ['page_size=x', null, null],
  ['page_size=-1', null, null],
  ['', null, null],
  ['page_size=48&page=2', null, `${URL}?page_size=48`],
  [
    'page=2&page_size=48&search=M%C3%BCller+%26+a%2Bb&search=*&flag',
    null,
    `${URL}?flag=&page_size=48&search=M%C3%BCller+%26+a%2Bb&search=%2A`,
  ],
])('200 ?%s', (query, next, previous) => {
  expect(page(query)).toEqual({ count: 49, next, previous, results: [] });
});

test('200: page 1 of nothing exists, and is its last', () => {
  for (const query of ['', 'page=1', 'page=last']) {
    expect(page(query, 0)).toEqual({ count: 0, next: null, previous: null, results: [] });
  }
});

test.each([
  'page=0',
  'page=99',
  'page=2',
  'page=x',
  'page=',
  'page=-1',
  'page=1.0',
  'page=Last',
  `page=${'9'.repeat(400)}`,
])('404 ?%s', (query) => {
  expect(failure(query)).toEqual([404, { detail: 'Invalid page.' }]);
});

test('offset and size', () => {
  expect(pageOf(askedPage(new Query('page=3&page_size=20')), 49)).toEqual({
    number: 3,
    size: 20,
    offset: 40,
    count: 49,
  });
});
