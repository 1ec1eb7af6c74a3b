import type { CheckinListEvent } from '@gatehouse/events/admission';
import { changeList, checkinList, createList, deleteList, stateList } from './checkin-list';
import type { CheckinListFields } from '@gatehouse/events/checkin-list';
import { spec } from './spec';

const given = spec(checkinList);

const fields: CheckinListFields = {
  organizer: 'demo',
  event: 'openair',
  id: 5,
  name: 'Main gate',
  all_products: false,
  limit_products: [1, 2],
  subevent: null,
  include_pending: false,
  auto_checkin_sales_channels: ['web'],
};
const byHand = { import: null, hash: null };
const fact = { import: 1, hash: 'h1' };

const created = (
  data: Partial<CheckinListFields> = {},
  origin: { import: number | null; hash: string | null } = fact,
) => ({ type: 'CheckinListCreated', data: { ...fields, ...data, ...origin } }) satisfies CheckinListEvent;
const changed = (
  data: Partial<CheckinListFields>,
  origin: { import: number | null; hash: string | null } = byHand,
  replaced_edits = false,
) =>
  ({ type: 'CheckinListChanged', data: { ...fields, ...data, ...origin, replaced_edits } }) satisfies CheckinListEvent;
const deleted = {
  type: 'CheckinListDeleted',
  data: { organizer: 'demo', event: 'openair', id: 5 },
} satisfies CheckinListEvent;

describe('through the API', () => {
  test('made', () => {
    given().when(createList(fields)).then({ created: true }, created({}, byHand));
  });
  test.each([
    ['there', [created()]],
    ['deleted', [created(), deleted]],
  ])('not made when it is %s', (_name, history) => {
    given(...history)
      .when(createList(fields))
      .then({ created: false });
  });
  test('changed', () => {
    given(created())
      .when(changeList({ ...fields, name: 'Side gate' }))
      .then({ found: true }, changed({ name: 'Side gate' }));
  });
  test('what a change does not name stays as somebody else has just made it', () => {
    given(created(), changed({ name: 'Side gate' }))
      .when(changeList({ include_pending: true }))
      .then({ found: true }, changed({ name: 'Side gate', include_pending: true }));
  });
  test('an unchanged list writes nothing', () => {
    given(created()).when(changeList(fields)).then({ found: true });
  });
  test('deleted', () => {
    given(created()).when(deleteList()).then({ found: true }, deleted);
  });
  test.each([
    ['never made', []],
    ['deleted', [created(), deleted]],
  ])('a list that was %s is not found', (_name, history: CheckinListEvent[]) => {
    given(...history)
      .when(changeList(fields))
      .then({ found: false });
    given(...history)
      .when(deleteList())
      .then({ found: false });
  });
});

describe('by an import (import.md §3)', () => {
  const nothing = { taken: false, replacedEdits: false };
  test('new', () => {
    given().when(stateList(fields, fact)).then({ taken: true, replacedEdits: false }, created());
  });
  test('changed', () => {
    const next = { import: 2, hash: 'h2' };
    given(created())
      .when(stateList({ ...fields, name: 'North gate' }, next))
      .then({ taken: true, replacedEdits: false }, changed({ name: 'North gate' }, next));
  });
  test.each([
    ['unchanged', [created()], { import: 2, hash: 'h1' }],
    ['unchanged, and edited here', [created(), changed({ name: 'Side gate' })], { import: 2, hash: 'h1' }],
    ['older', [created(), changed({}, { import: 3, hash: 'h3' })], { import: 2, hash: 'h2' }],
    ['deleted here', [created(), deleted], { import: 2, hash: 'h2' }],
  ])('ignored when %s', (_name, history: CheckinListEvent[], stated) => {
    given(...history)
      .when(stateList(fields, stated))
      .then(nothing);
  });
  test('a changed fact replaces what was edited here, and says so once', () => {
    const next = { import: 2, hash: 'h2' };
    const after = { import: 3, hash: 'h3' };
    const edited = [created(), changed({ name: 'Side gate' })];
    given(...edited)
      .when(stateList(fields, next))
      .then({ taken: true, replacedEdits: true }, changed({}, next, true));
    given(...edited, changed({}, next, true))
      .when(stateList(fields, after))
      .then({ taken: true, replacedEdits: false }, changed({}, after));
  });
  test('a fact that goes back to what it once said is a change', () => {
    const back = { import: 3, hash: 'h1' };
    given(created(), changed({ name: 'North gate' }, { import: 2, hash: 'h2' }))
      .when(stateList(fields, back))
      .then({ taken: true, replacedEdits: false }, changed({}, back));
  });
});
