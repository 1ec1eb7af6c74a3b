import { cart } from '@gatehouse/cart/service';
import { cartShop, DATES, HALL, ITEMS, TOKENS, TOURS, VARIATIONS } from '@gatehouse/test-support/cart-shop';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* What `POST cartpositions/` takes in each field, and what it says of the rest: contract §8.3. */

let system: System;
beforeAll(async () => {
  system = await startSystem([cart]);
  await system.import(cartShop());
});
afterAll(() => system.close());

type Json = Record<string, unknown>;
const PASS = { item: ITEMS.pass, price: '10.00' };
const create = (json: unknown, event = HALL, token: string = TOKENS.admin) =>
  system.call('POST', `${event}cartpositions/`, { token, json });
const without = (name: string): Json => Object.fromEntries(Object.entries(PASS).filter(([key]) => key !== name));
const pk = (id: unknown) => [`Invalid pk "${String(id)}" - object does not exist.`];
const type = (name: string) => [`Incorrect type. Expected pk value, received ${name}.`];
const REQUIRED = ['This field is required.'];
const NULL = ['This field may not be null.'];
const BLANK = ['This field may not be blank.'];
const STRING = ['Not a valid string.'];
const [BAD_NUMBER, BAD_EMAIL] = [['A valid number is required.'], ['Enter a valid email address.']];
const BAD_DATETIME = [
  'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].',
];

describe('contract §8.3 fields that are refused', () => {
  test.each<[field: string, value: unknown, errors: unknown]>([
    ['item', undefined, REQUIRED],
    ['item', null, NULL],
    ['item', '', NULL],
    ['item', 99999, pk(99999)],
    ['item', '9'.repeat(30), pk('9'.repeat(30))],
    ['item', 'abc', type('str')],
    ['item', true, type('bool')],
    ['item', 1.5, type('float')],
    ['item', [101], type('list')],
    ['item', ITEMS.fair, pk(ITEMS.fair)],
    ['item', ITEMS.tour, ['The specified item does not belong to this event.']],
    ['item', ITEMS.inactive, ['The specified item is not active.']],
    ['price', undefined, REQUIRED],
    ['price', null, NULL],
    ['price', '', BAD_NUMBER],
    ['price', 'cheap', BAD_NUMBER],
    ['price', 'NaN', BAD_NUMBER],
    ['price', 'Infinity', BAD_NUMBER],
    ['price', true, BAD_NUMBER],
    ['price', '1.005', ['Ensure that there are no more than 2 decimal places.']],
    ['price', '123456789.00', ['Ensure that there are no more than 10 digits in total.']],
    ['price', '123456789.0', ['Ensure that there are no more than 8 digits before the decimal point.']],
    ['price', '1'.repeat(1001), ['String value too large.']],
    ['variation', 99999, pk(99999)],
    ['variation', 'x', type('str')],
    ['subevent', 99999, pk(99999)],
    ['subevent', DATES.morning, ['You cannot set a subevent for this event.']],
    ['cart_id', 'mine', ['Cart ID should end in @api or be empty.']],
    ['cart_id', 'mine@API', ['Cart ID should end in @api or be empty.']],
    ['cart_id', `${'x'.repeat(252)}@api`, ['Ensure this field has no more than 255 characters.']],
    ['cart_id', ['x@api'], STRING],
    ['cart_id', '\u0000@api', ['Null characters are not allowed.']],
    ['cart_id', '\ud800@api', ['Surrogate characters are not allowed: U+D800.']],
    ['expires', null, NULL],
    ['expires', '', BAD_DATETIME],
    ['expires', 'tomorrow', BAD_DATETIME],
    ['expires', '2027-07-17', BAD_DATETIME],
    ['expires', 1_800_000_000, BAD_DATETIME],
    ['attendee_name', '', BLANK],
    ['attendee_name', '  ', BLANK],
    ['attendee_name', { full_name: 'x' }, STRING],
    ['attendee_name_parts', null, NULL],
    ['attendee_name_parts', 'Ada', ['Value must be valid JSON.']],
    ['attendee_name_parts', ['Ada'], ['Value must be valid JSON.']],
    ['attendee_name_parts', { _scheme: 'nosuch' }, ['The name scheme is not known.']],
    ['attendee_name_parts', { _scheme: 5 }, ['The name scheme is not known.']],
    ['attendee_name_parts', { given_name: '\u0000' }, ['Null characters are not allowed.']],
    ['attendee_email', 'nobody', BAD_EMAIL],
    ['attendee_email', 5, BAD_EMAIL],
    ['attendee_email', ['a@example.org'], BAD_EMAIL],
    ['seat', '', BLANK],
    ['seat', 5.5, undefined],
    ['seat', false, STRING],
    ['voucher', '', BLANK],
    ['voucher', true, STRING],
    ['sales_channel', null, NULL],
    ['sales_channel', '', BLANK],
    ['includes_tax', 'maybe', ['Must be a valid boolean.']],
    ['includes_tax', 2, ['Must be a valid boolean.']],
    ['answers', null, NULL],
    ['answers', {}, { non_field_errors: ['Expected a list of items but got type "dict".'] }],
    ['answers', 'x', { non_field_errors: ['Expected a list of items but got type "str".'] }],
  ])('%s: %j', async (field, value, errors) => {
    const answer = await create(value === undefined ? without(field) : { ...PASS, [field]: value });
    expect(answer.status).toBe(400);
    // A number is taken as its digits: the seat is only looked for, and not allowed.
    expect(answer.body).toEqual(
      errors === undefined ? ['The specified product does not allow to choose a seat.'] : { [field]: errors },
    );
  });

  test('all fields are told at once, and nothing of the whole', async () => {
    const answer = await create({ variation: VARIATIONS.friday, cart_id: 'x', expires: null, answers: null });
    expect(answer.body).toEqual({
      cart_id: ['Cart ID should end in @api or be empty.'],
      item: REQUIRED,
      price: REQUIRED,
      expires: NULL,
      answers: NULL,
    });
  });

  test('more than any position has', async () => {
    const answer = await create({ ...PASS, attendee_name: 'x'.repeat(70_000) });
    expect(answer).toMatchObject({ status: 400, body: { non_field_errors: ['The cart position is too large.'] } });
  });
});

describe('contract §8.3 a date of a series', () => {
  const TOUR = { item: ITEMS.tour, price: '10.00' };
  test.each<[unknown, unknown]>([
    [null, { subevent: ['You need to set a subevent.'] }],
    ['', { subevent: ['You need to set a subevent.'] }],
    [DATES.night, { subevent: ['The specified subevent does not belong to this event.'] }],
    [99999, { subevent: pk(99999) }],
  ])('%j', async (subevent, body) => {
    expect(await create({ ...TOUR, subevent }, TOURS)).toMatchObject({ status: 400, body });
  });

  test('absent: no check but that no quota is found', async () => {
    expect(await create(TOUR, TOURS)).toMatchObject({
      status: 400,
      body: ['The product "Tour" is not assigned to a quota.'],
    });
    expect(await create({ ...TOUR, subevent: String(DATES.evening) }, TOURS)).toMatchObject({
      status: 201,
      body: { subevent: DATES.evening },
    });
  });

  test('null is fine where there is no series', async () => {
    expect(await create({ ...PASS, subevent: null })).toMatchObject({ status: 201, body: { subevent: null } });
  });
});

describe('contract §8.3 the position as a whole, in order', () => {
  const DAY = { item: ITEMS.day, price: '10.00' };
  const names = { attendee_name: 'Ada', attendee_name_parts: { given_name: 'Ada' } };
  test.each<[string, Json, Json]>([
    [
      'a variation is missing',
      { ...DAY, ...names },
      { non_field_errors: ['You should specify a variation for this item.'] },
    ],
    [
      'there are none',
      { ...PASS, ...names, variation: VARIATIONS.friday },
      { non_field_errors: ['You cannot specify a variation for this item.'] },
    ],
    [
      'both names',
      { ...PASS, ...names },
      { attendee_name: ['Do not specify attendee_name if you specified attendee_name_parts.'] },
    ],
  ])('%s', async (_what, json, body) => {
    expect(await create(json)).toMatchObject({ status: 400, body });
  });

  test('a variation of another item', async () => {
    const shop = cartShop();
    const items = shop['demo/events/hall/items.json'] as Json[];
    const other = { ...items[0], id: 199, name: { en: 'Other' }, variations: [{ id: 299, value: { en: 'x' } }] };
    await system.import({ ...shop, 'demo/events/hall/items.json': [...items, other] });
    expect(await create({ ...DAY, variation: 299 })).toMatchObject({
      status: 400,
      body: { non_field_errors: ['The specified variation does not belong to the specified item.'] },
    });
  });

  test('an empty object of parts is none', async () => {
    const answer = await create({ ...PASS, attendee_name: 'Ada L.', attendee_name_parts: {} });
    expect(answer).toMatchObject({
      status: 201,
      body: { attendee_name: 'Ada L.', attendee_name_parts: { _legacy: 'Ada L.' } },
    });
  });
});

describe('contract §8.3 what is taken', () => {
  test.each<[sent: Json, shown: Json]>([
    [{ price: 10 }, { price: '10.00' }],
    [{ price: 10.5 }, { price: '10.50' }],
    [{ price: '-1' }, { price: '-1.00' }],
    [{ price: '99999999.99' }, { price: '99999999.99' }],
    [{ item: ` ${ITEMS.pass} ` }, { item: ITEMS.pass }],
    [{ variation: null }, { variation: null }],
    [{ variation: '' }, { variation: null }],
    [{ cart_id: 'mine@api' }, { cart_id: 'mine@api' }],
    [{ cart_id: ' mine@api ' }, { cart_id: 'mine@api' }],
    [{ cart_id: '@api' }, { cart_id: '@api' }],
    [{ cart_id: null }, { cart_id: expect.stringMatching(/^[A-Za-z0-9]{48}@api$/) }],
    [{ cart_id: '' }, { cart_id: expect.stringMatching(/^[A-Za-z0-9]{48}@api$/) }],
    [{ expires: '2020-01-01T00:00:00Z' }, { expires: '2020-01-01T00:00:00Z' }],
    [{ expires: '2027-07-17 12:00:00.000001+02' }, { expires: '2027-07-17T10:00:00.000001Z' }],
    [{ attendee_name: 'Ada' }, { attendee_name: 'Ada', attendee_name_parts: { _legacy: 'Ada' } }],
    [{ attendee_name: 5 }, { attendee_name: '5', attendee_name_parts: { _legacy: '5' } }],
    [{ attendee_name: null }, { attendee_name: null, attendee_name_parts: {} }],
    [
      { attendee_name_parts: { given_name: 'Ada', family_name: 'Lovelace' } },
      { attendee_name: 'Ada Lovelace', attendee_name_parts: { given_name: 'Ada', family_name: 'Lovelace' } },
    ],
    [
      { attendee_name_parts: { _scheme: 'family_comma_given', given_name: 'Ada', family_name: 'L' } },
      { attendee_name: 'L, Ada' },
    ],
    [{ attendee_email: null }, { attendee_email: null }],
    [{ attendee_email: '' }, { attendee_email: '' }],
    [{ attendee_email: ' ada@example.org ' }, { attendee_email: 'ada@example.org' }],
    [
      { seat: null, voucher: null },
      { seat: null, voucher: null },
    ],
    [{ sales_channel: 'nosuch' }, {}],
    [{}, { includes_tax: true }],
    [{ includes_tax: 'on' }, { includes_tax: true }],
    [{ includes_tax: false }, { includes_tax: false }],
    [{ includes_tax: null }, { includes_tax: false }],
    [{ addon_to: 5, foo: 'bar' }, { addon_to: null }],
    [{}, { answers: [] }],
  ])('%j', async (sent, shown) => {
    const answer = await create({ ...PASS, ...sent });
    expect(answer.status).toBe(201);
    expect(answer.body).toMatchObject(shown);
    expect(answer.body).not.toHaveProperty('sales_channel');
  });

  test('a form', async () => {
    const answer = await system.call('POST', `${HALL}cartpositions/`, {
      token: TOKENS.admin,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `item=${ITEMS.pass}&price=7.5&attendee_name=Ada+L&variation=&subevent=&cart_id=form%40api&answers=[]`,
    });
    expect(answer).toMatchObject({
      status: 201,
      body: { price: '7.50', attendee_name: 'Ada L', cart_id: 'form@api', includes_tax: true, answers: [] },
    });
  });
});

describe('contract §1.4 bodies', () => {
  test.each<[unknown, unknown]>([
    [[PASS], { non_field_errors: ['Invalid data. Expected a dictionary, but got list.'] }],
    ['x', { non_field_errors: ['Invalid data. Expected a dictionary, but got str.'] }],
    [5, { non_field_errors: ['Invalid data. Expected a dictionary, but got int.'] }],
    [null, { non_field_errors: ['No data provided'] }],
    [{}, { item: REQUIRED, price: REQUIRED }],
  ])('%j', async (json, body) => {
    expect(await create(json)).toMatchObject({ status: 400, body });
  });

  test('nothing at all, broken JSON, another type, too much', async () => {
    const sent = (body: string, contentType: string) =>
      system.call('POST', `${HALL}cartpositions/`, {
        token: TOKENS.admin,
        body,
        headers: { 'content-type': contentType },
      });
    expect(await sent('', 'application/json')).toMatchObject({ status: 400, body: { item: REQUIRED } });
    expect(await sent('{', 'application/json')).toMatchObject({ status: 400 });
    expect(await sent('x', 'text/plain')).toMatchObject({ status: 415 });
    expect(await sent(`"${'x'.repeat(2_700_000)}"`, 'application/json')).toMatchObject({ status: 413 });
  });
});
