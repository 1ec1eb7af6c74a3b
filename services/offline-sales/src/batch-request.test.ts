import type { DateFact, EventFact, ItemFact } from '@gatehouse/events/reference';
import { ValidationError } from '@gatehouse/service/errors';
import { Fields } from '@gatehouse/service/fields';
import type { Festival } from '@gatehouse/shop/festival';
import { readBatchRequest, type BatchPlace } from './batch-request';

const variation = (id: number, default_price: string | null) => ({
  ...{ id, value: { en: `V${id}` }, active: true, position: 0, default_price, checkin_attention: false },
});
const item = (id: number, more: Partial<ItemFact> = {}) =>
  ({ id, default_price: '149.00', tax_rate: '19.00', tax_rule: 2, variations: [], ...more }) as unknown as ItemFact;
const ITEMS = [
  item(14),
  item(15, { variations: [variation(5, '99.50'), variation(6, null)] }),
  item(16, { default_price: null, tax_rate: null, tax_rule: null, variations: [] }),
];

const festival = (has_subevents = false): Festival => ({
  key: 'demo/openair',
  fact: { organizer: 'demo', event: 'openair', has_subevents, locale: 'de' } as EventFact,
  dates: new Map(has_subevents ? [[7, { id: 7 } as DateFact]] : []),
  categories: new Map(),
  items: new Map(ITEMS.map((each) => [each.id, each])),
  questions: [],
  checkinQuestions: new Map(),
  quotas: new Map(),
  quotasOf: new Map(),
});
const place: BatchPlace = {
  festival: festival(),
  channels: new Set(['resellers']),
  layout: (id) => (id === 123 ? { id } : undefined),
};
const series: BatchPlace = { ...place, festival: festival(true) };

/** The sample of the API's documentation. */
const SAMPLE = { testmode: true, layout: 123, item: 14, sales_channel: 'web', amount: 10 };

async function errors(body: unknown, at = place): Promise<unknown> {
  try {
    return { valid: await readBatchRequest(body, at) };
  } catch (error) {
    return error instanceof ValidationError ? error.tree : error;
  }
}

describe('create (contract §9.3)', () => {
  test('reads the documented sample', async () => {
    expect(await readBatchRequest(SAMPLE, place)).toEqual({
      ...{ item: 14, variation: null, date: null, layout: 123, amount: 10 },
      ...{ sales_channel: 'web', testmode: true, comment: '', locale: 'de' },
      ...{ price: '149.00', tax_rate: '19.00', tax_value: '23.79', tax_rule: 2 },
    });
  });

  test('what is optional has a default: no test mode, the web shop, no comment', async () => {
    const { testmode: _testmode, sales_channel: _channel, ...rest } = SAMPLE;
    expect(await readBatchRequest(rest, place)).toMatchObject({ testmode: false, sales_channel: 'web', comment: '' });
  });

  test('a form says the same', async () => {
    const sent = { ...SAMPLE, item: 15, variation: 5, comment: ' Box office ' };
    const form = new Fields(Object.entries(sent).map(([name, value]) => [name, String(value)]));
    expect(await readBatchRequest(form, place)).toMatchObject({
      ...{ item: 15, variation: 5, amount: 10, testmode: true, comment: 'Box office' },
    });
  });

  test.each([
    ['that of the variation', { item: 15, variation: 5 }, { price: '99.50', tax_value: '15.89' }],
    ['that of the product, if the variation has none', { item: 15, variation: 6 }, { price: '149.00' }],
    [
      'nothing, if neither has one',
      { item: 16 },
      { price: '0.00', tax_rate: '0.00', tax_value: '0.00', tax_rule: null },
    ],
  ])('the price is %s', async (_case, body, price) => {
    expect(await readBatchRequest({ ...SAMPLE, ...body }, place)).toMatchObject(price);
  });

  const required = ['This field is required.'];
  const missing = (id: unknown) => [`Invalid pk "${String(id)}" - object does not exist.`];
  test.each<[string, object, object]>([
    ['a product of another event', { item: 99 }, { item: missing(99) }],
    ['a layout of another event', { layout: 4 }, { layout: missing(4) }],
    ['no layout', { layout: null }, { layout: ['This field may not be null.'] }],
    ['no tickets', { amount: 0 }, { amount: ['Ensure this value is greater than or equal to 1.'] }],
    ['too many', { amount: 10_001 }, { amount: ['Ensure this value is less than or equal to 10000.'] }],
    ['a word for a number', { amount: 'many' }, { amount: ['A valid integer is required.'] }],
    ['an unknown channel', { sales_channel: 'fax' }, { sales_channel: ['"fax" is not a valid choice.'] }],
    ['no boolean', { testmode: 'perhaps' }, { testmode: ['Must be a valid boolean.'] }],
    ['a comment that is no text', { comment: [] }, { comment: ['Not a valid string.'] }],
    ['a NUL', { comment: 'a\0' }, { comment: ['Null characters are not allowed.'] }],
    [
      'an endless comment',
      { comment: 'x'.repeat(10_001) },
      { comment: ['Ensure this field has no more than 10000 characters.'] },
    ],
    ['a variation that the product does not have', { variation: 5 }, { variation: missing(5) }],
    ['one of another product', { item: 15, variation: 14 }, { variation: missing(14) }],
    ['no variation', { item: 15 }, { variation: required }],
    ['none on purpose', { item: 15, variation: null }, { variation: ['This field may not be null.'] }],
    ['a date without a series', { subevent: 7 }, { subevent: missing(7) }],
    [
      'everything at once',
      { item: 99, variation: 77, amount: 0, layout: 4 },
      {
        ...{ item: missing(99), variation: missing(77), layout: missing(4) },
        amount: ['Ensure this value is greater than or equal to 1.'],
      },
    ],
  ])('400 %s', async (_case, body, expected) => {
    expect(await errors({ ...SAMPLE, ...body })).toEqual(expected);
  });

  test('400 an empty body says what is required', async () => {
    expect(await errors({})).toEqual({ item: required, layout: required, amount: required });
  });
  test('400 a list is no body', async () => {
    const text = 'Invalid data. Expected a dictionary, but got list.';
    expect(await errors([SAMPLE])).toEqual({ non_field_errors: [text] });
  });
  test('a series needs one of its dates', async () => {
    expect(await errors(SAMPLE, series)).toEqual({ subevent: required });
    expect(await errors({ ...SAMPLE, subevent: 8 }, series)).toEqual({ subevent: missing(8) });
    expect(await readBatchRequest({ ...SAMPLE, subevent: 7 }, series)).toMatchObject({ date: 7 });
  });
  test('null is no date and no variation where there are none', async () => {
    expect(await readBatchRequest({ ...SAMPLE, subevent: null, variation: null }, place)).toMatchObject({
      ...{ date: null, variation: null },
    });
  });
});
