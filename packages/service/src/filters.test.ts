import { ValidationError } from './errors';
import {
  booleanFilter,
  choiceFilter,
  idFilter,
  idsFilter,
  readFilters,
  readOrdering,
  textFilter,
  wordsFilter,
} from './filters';
import { Query } from './query';

const existing = (ids: readonly number[]) => Promise.resolve(new Set(ids.filter((id) => id < 100)));
const FILTERS = {
  item: idFilter(existing),
  item__in: idsFilter(existing),
  order__status: choiceFilter('n', 'p', 'e', 'c'),
  order__status__in: wordsFilter,
  has_checkin: booleanFilter,
  search: textFilter,
};

const read = (query: string) => readFilters(new Query(query), FILTERS);
const treeOf = async (query: string) => {
  const thrown: unknown = await read(query).catch((error: unknown) => error);
  return thrown instanceof ValidationError ? thrown.tree : thrown;
};
const UNAVAILABLE = ['Select a valid choice. That choice is not one of the available choices.'];

test.each<[string, object]>([
  ['', {}],
  ['foo=1&item=&item__in=&order__status=&has_checkin=&search=', {}],
  ['item=2', { item: 2 }],
  ['item=1&item=%202%20', { item: 2 }],
  ['item__in=1,2', { item__in: [1, 2] }],
  ['item__in=1,,2,', { item__in: [1, 2] }],
  ['item__in=,', { item__in: [] }],
  ['order__status=p', { order__status: 'p' }],
  ['order__status__in=p,x', { order__status__in: ['p', 'x'] }],
  ['has_checkin=TRUE', { has_checkin: true }],
  ['has_checkin=0', { has_checkin: false }],
  ['has_checkin=maybe', {}],
  ['search=+M%C3%BCller+', { search: 'Müller' }],
  ['search=+', {}],
])('200 ?%s', async (query, expected) => {
  expect(await read(query)).toEqual(expected);
});

test.each([
  ['item=abc', { item: UNAVAILABLE }],
  ['item=100', { item: UNAVAILABLE }],
  [`item=${'9'.repeat(400)}`, { item: UNAVAILABLE }],
  ['item=1.5', { item: UNAVAILABLE }],
  ['item__in=1,abc', { item__in: UNAVAILABLE }],
  ['item__in=1,100', { item__in: UNAVAILABLE }],
  ['order__status=x', { order__status: ['Select a valid choice. x is not one of the available choices.'] }],
  ['search=a%00', { search: ['Null characters are not allowed.'] }],
  [
    'item=%00&order__status=P',
    {
      item: ['Null characters are not allowed.'],
      order__status: ['Select a valid choice. P is not one of the available choices.'],
    },
  ],
])('400 ?%s', async (query, tree) => {
  expect(await treeOf(query)).toEqual(tree);
});

test('ordering drops what it does not know', () => {
  const ordering = (text: string) => readOrdering(new Query(`ordering=${text}`), ['positionid', 'order__code']);
  expect(ordering('-positionid,foo,%20order__code,--positionid,')).toEqual([
    { field: 'positionid', descending: true },
    { field: 'order__code', descending: false },
  ]);
  expect(ordering('foo')).toEqual([]);
  expect(ordering('order__code,positionid,-order__code,positionid')).toEqual([
    { field: 'order__code', descending: false },
    { field: 'positionid', descending: false },
  ]);
  expect(readOrdering(new Query(''), ['positionid'])).toEqual([]);
});
