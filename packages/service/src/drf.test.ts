import { parseJsonText } from './json';
import {
  boolean,
  char,
  checked,
  choice,
  date,
  datetime,
  decimal,
  email,
  integer,
  jsonObject,
  nullable,
  objects,
  optional,
  pk,
  pks,
  rawValue,
  readObject,
  time,
  validate,
  validatePartial,
  withDefault,
  words,
  type Field,
} from './drf';
import { ValidationError } from './errors';
import { Fields } from './fields';
import { Invalid } from './invalid';

/** The result of a field for one value: the value, or `[messages]` under `error`. */
async function read(field: Field<unknown>, value: unknown): Promise<unknown> {
  const values = await readObject({ it: value }, { it: field });
  return values instanceof Invalid ? { error: (values.tree as Record<string, unknown>)['it'] } : values.it;
}

const errorOf = (...messages: string[]) => ({ error: messages });
const find = (id: number) => (id === 1 || id === 2 ? { id } : undefined);
const findMany = (ids: readonly number[]) => new Map(ids.filter(find).map((id) => [id, { id }]));

async function treeOf(attempt: Promise<unknown>): Promise<unknown> {
  const thrown: unknown = await attempt.then(
    () => undefined,
    (error: unknown) => error,
  );
  return thrown instanceof ValidationError ? thrown.tree : thrown;
}

describe('absent and null', () => {
  test('required, optional, with a default', async () => {
    const shape = { a: char(), b: optional(char()), c: withDefault(boolean(), true) };
    expect(await validate({ a: 'x' }, shape)).toEqual({ a: 'x', c: true });
    expect(await treeOf(validate({}, shape))).toEqual({ a: ['This field is required.'] });
    expect(await validatePartial({}, shape)).toEqual({});
  });

  test('null only where it is taken', async () => {
    const fields: Field<unknown>[] = [
      char(),
      boolean(),
      integer(),
      pk(find),
      pks(findMany),
      datetime(),
      jsonObject(),
      words(),
    ];
    for (const field of fields) {
      expect(await read(field, null)).toEqual(errorOf('This field may not be null.'));
      expect(await read(nullable(field), null)).toBeNull();
    }
  });

  test('all errors come together, in the order of the shape', async () => {
    const tree = await treeOf(validate({ c: 'maybe', a: '' }, { a: char(), b: pk(find), c: boolean() }));
    expect(JSON.stringify(tree)).toBe(
      '{"a":["This field may not be blank."],"b":["This field is required."],"c":["Must be a valid boolean."]}',
    );
  });
});

test.each([
  [[], 'list'],
  ['hello', 'str'],
  [5, 'int'],
  [1.5, 'float'],
  [true, 'bool'],
])('a body that is no object: %j', async (body, type) => {
  expect(await treeOf(validate(body, {}))).toEqual({
    non_field_errors: [`Invalid data. Expected a dictionary, but got ${type}.`],
  });
});

test('a body of null', async () => {
  expect(await treeOf(validate(null, {}))).toEqual({ non_field_errors: ['No data provided'] });
});

test('inherited names are not values, and their likes are only keys', async () => {
  const shape = { constructor: optional(char()), toString: optional(char()) };
  expect(Object.keys(await validate({}, shape))).toEqual([]);
  const body = parseJsonText('{"__proto__":{"name":"x"},"constructor":"y"}');
  expect(await treeOf(validate(body, { name: char() }))).toEqual({ name: ['This field is required.'] });
  expect(rawValue(body, 'toString')).toBeUndefined();
  expect(rawValue(body, 'constructor')).toBe('y');
});

describe('char', () => {
  test.each([
    ['  a b \n', 'a b'],
    [5, '5'],
    [1.5, '1.5'],
    [123456789012345678901234567890n, '123456789012345678901234567890'],
    ['\ufeffa', '\ufeffa'],
    ['', errorOf('This field may not be blank.')],
    [' \t\u3000', errorOf('This field may not be blank.')],
    [true, errorOf('Not a valid string.')],
    [['a'], errorOf('Not a valid string.')],
    [{}, errorOf('Not a valid string.')],
    ['a\u0000b', errorOf('Null characters are not allowed.')],
    ['a\ud800b', errorOf('Surrogate characters are not allowed: U+D800.')],
    ['a\udfff', errorOf('Surrogate characters are not allowed: U+DFFF.')],
    ['😀', '😀'],
    ['nnnnnnnnnnn', errorOf('Ensure this field has no more than 10 characters.')],
    ['😀😀😀😀😀😀😀😀😀😀', '😀😀😀😀😀😀😀😀😀😀'],
    [
      '\u0000nnnnnnnnnn',
      errorOf('Ensure this field has no more than 10 characters.', 'Null characters are not allowed.'),
    ],
  ])('%j', async (value, expected) => {
    const max = typeof value === 'string' ? 10 : 50;
    expect(await read(char({ max }), value)).toEqual(expected);
  });

  test('blank where it is taken', async () => {
    expect(await read(char({ blank: true }), '  ')).toBe('');
  });
});

describe('boolean', () => {
  const yes = [true, 1, '1', 't', 'T', 'y', 'Y', 'yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'];
  const no = [false, 0, '0', 'f', 'F', 'n', 'N', 'no', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'];

  test('the spellings of contract §1.6', async () => {
    for (const value of yes) expect(await read(boolean(), value)).toBe(true);
    for (const value of no) expect(await read(boolean(), value)).toBe(false);
    for (const value of ['maybe', '', 2, 'tRUE', [], {}, 'null']) {
      expect(await read(boolean(), value)).toEqual(errorOf('Must be a valid boolean.'));
    }
    for (const value of ['', 'null', 'Null', 'NULL']) expect(await read(nullable(boolean()), value)).toBeNull();
  });
});

test.each([
  [7, 7],
  ['7', 7],
  [' 7.0 ', 7],
  ['x', errorOf('A valid integer is required.')],
  ['', errorOf('A valid integer is required.')],
  [1.5, errorOf('A valid integer is required.')],
  [true, errorOf('A valid integer is required.')],
  [[1], errorOf('A valid integer is required.')],
  ['9'.repeat(1001), errorOf('String value too large.')],
  [10_001, errorOf('Ensure this value is less than or equal to 10000.')],
  ['9'.repeat(30), errorOf('Ensure this value is less than or equal to 10000.')],
  [0, errorOf('Ensure this value is greater than or equal to 1.')],
  [-(10n ** 30n), errorOf('Ensure this value is greater than or equal to 1.')],
])('integer %j'.replace('%j', '%p'), async (value, expected) => {
  expect(await read(integer({ min: 1, max: 10_000 }), value)).toEqual(expected);
});

describe('decimal', () => {
  const NOT_A_NUMBER = errorOf('A valid number is required.');
  test.each<[unknown, unknown]>([
    ['149.00', '149.00'],
    [149, '149.00'],
    [149.5, '149.50'],
    ['-1', '-1.00'],
    ['+1.5', '1.50'],
    ['.5', '0.50'],
    ['5.', '5.00'],
    ['007', '7.00'],
    ['1e2', '100.00'],
    ['1E-2', '0.01'],
    [' 1 ', '1.00'],
    ['0', '0.00'],
    ['99999999.99', '99999999.99'],
    ['abc', NOT_A_NUMBER],
    ['', NOT_A_NUMBER],
    ['.', NOT_A_NUMBER],
    ['NaN', NOT_A_NUMBER],
    ['Infinity', NOT_A_NUMBER],
    ['-inf', NOT_A_NUMBER],
    [Infinity, NOT_A_NUMBER],
    [true, NOT_A_NUMBER],
    [[1], NOT_A_NUMBER],
    [{}, NOT_A_NUMBER],
    ['1.005', errorOf('Ensure that there are no more than 2 decimal places.')],
    ['123456789012.00', errorOf('Ensure that there are no more than 10 digits in total.')],
    ['123456789', errorOf('Ensure that there are no more than 8 digits before the decimal point.')],
    ['1e999999999', errorOf('Ensure that there are no more than 10 digits in total.')],
    ['1e-999999999', errorOf('Ensure that there are no more than 10 digits in total.')],
    [12345678901234567890n, errorOf('Ensure that there are no more than 10 digits in total.')],
    ['1'.repeat(1001), errorOf('String value too large.')],
  ])('%p', async (value, expected) => {
    expect(await read(decimal({ digits: 10, places: 2 }), value)).toEqual(expected);
  });
});

describe('instants, days and times', () => {
  const DATETIME = errorOf(
    'Datetime has wrong format. Use one of these formats instead: YYYY-MM-DDThh:mm[:ss[.uuuuuu]][+HH:MM|-HH:MM|Z].',
  );
  test.each<[unknown, unknown]>([
    ['2027-07-16T12:00:00+02:00', '2027-07-16T10:00:00Z'],
    ['2027-07-16 12:00', '2027-07-16T12:00:00Z'],
    ['2027-07-16T12:00:00.000001Z', '2027-07-16T12:00:00.000001Z'],
    ['2027-07-16', DATETIME],
    ['2027-02-30T12:00Z', DATETIME],
    ['tomorrow', DATETIME],
    ['', DATETIME],
    [5, DATETIME],
    [true, DATETIME],
    [['2027-07-16T12:00Z'], DATETIME],
  ])('datetime %j', async (value, expected) => {
    expect(await read(datetime(), value)).toEqual(expected);
  });

  const DATE = errorOf('Date has wrong format. Use one of these formats instead: YYYY-MM-DD.');
  test.each<[unknown, unknown]>([
    ['1990-02-28', '1990-02-28'],
    ['1990-2-8', '1990-02-08'],
    ['28.02.1990', DATE],
    ['1990-02-30', DATE],
    ['0000-01-01', DATE],
    ['1990-02-28T10:00', DATE],
    [19900228, DATE],
  ])('date %j', async (value, expected) => {
    expect(await read(date(), value)).toEqual(expected);
  });

  const TIME = errorOf('Time has wrong format. Use one of these formats instead: hh:mm[:ss[.uuuuuu]].');
  test.each<[unknown, unknown]>([
    ['18:30', '18:30:00'],
    ['8:30:05.5', '08:30:05.500000'],
    ['18:30:00.000000', '18:30:00'],
    ['24:00', TIME],
    ['late', TIME],
    [1830, TIME],
  ])('time %j', async (value, expected) => {
    expect(await read(time(), value)).toEqual(expected);
  });
});

describe('email', () => {
  test.each([
    'guest@example.org',
    ' guest@example.org ',
    'a.b+c@sub.example.museum',
    '"a.@b"@example.org',
    'x@localhost',
    'x@[127.0.0.1]',
    'x@[::1]',
    'x@münchen.de',
  ])('%s', async (value) => {
    expect(await read(email(), value)).toBe(value.trim());
  });

  test.each([
    'nobody',
    '@example.org',
    'a@',
    'a@b',
    'a b@example.org',
    'a..b@example.org',
    'a@-x.org',
    'a@x.g-',
    5,
    true,
    [],
    {},
  ])('not %j', async (value) => {
    expect(await read(email(), value)).toEqual(errorOf('Enter a valid email address.'));
  });

  test('too long, and with what cannot be stored', async () => {
    expect(await read(email(), `${'a'.repeat(250)}@example.org`)).toEqual(
      errorOf('Ensure this field has no more than 254 characters.'),
    );
    expect(await read(email(), 'a\u0000@example.org')).toEqual(
      errorOf('Null characters are not allowed.', 'Enter a valid email address.'),
    );
  });
});

describe('related objects', () => {
  const missing = (shown: string) => errorOf(`Invalid pk "${shown}" - object does not exist.`);
  const wrong = (type: string) => errorOf(`Incorrect type. Expected pk value, received ${type}.`);
  const LONG = '123456789012345678901234567890';

  test.each<[unknown, unknown]>([
    [1, { id: 1 }],
    ['2', { id: 2 }],
    [' 2 ', { id: 2 }],
    [99, missing('99')],
    ['099', missing('099')],
    [-1, missing('-1')],
    [LONG, missing(LONG)],
    [BigInt(LONG), missing(LONG)],
    ['abc', wrong('str')],
    ['1\u0000', wrong('str')],
    [true, wrong('bool')],
    [1.5, wrong('float')],
    [[1], wrong('list')],
    [{ id: 1 }, wrong('dict')],
    ['', errorOf('This field may not be null.')],
  ])('pk %p', async (value, expected) => {
    expect(await read(pk(find), value)).toEqual(expected);
  });

  test('"" is null where that is taken', async () => {
    expect(await read(nullable(pk(find)), '')).toBeNull();
  });

  const notAList = (type: string) => errorOf(`Expected a list of items but got type "${type}".`);
  test.each<[unknown, unknown]>([
    [
      [1, '2'],
      [{ id: 1 }, { id: 2 }],
    ],
    [[], []],
    [5, notAList('int')],
    ['1,2', notAList('str')],
    [{ a: 1 }, notAList('dict')],
    [true, notAList('bool')],
    [[1, 99, 'abc'], missing('99')],
    [['abc', 99], wrong('str')],
    [[null], missing('None')],
    [[''], wrong('str')],
    [
      [2, 2],
      [{ id: 2 }, { id: 2 }],
    ],
    [Array(10_001).fill(1), errorOf('Ensure this field has no more than 10000 elements.')],
  ])('pks %j', async (value, expected) => {
    expect(await read(pks(findMany), value)).toEqual(expected);
  });
});

test('choice and words', async () => {
  expect(await read(choice('entry', 'exit'), 'exit')).toBe('exit');
  expect(await read(choice('entry', 'exit'), 'x')).toEqual(errorOf('"x" is not a valid choice.'));
  expect(await read(words(), ['web'])).toEqual(['web']);
  for (const value of ['web', [1], {}]) expect(await read(words(), value)).toEqual(errorOf('Invalid data type.'));
});

test('JSON objects are kept as they are, when they can be', async () => {
  expect(await read(jsonObject(), { a: [1, { b: null }] })).toEqual({ a: [1, { b: null }] });
  expect(await read(jsonObject(), { a: 2n ** 70n })).toEqual({ a: 2 ** 70 });
  for (const value of ['x', 5, [], true]) {
    expect(await read(jsonObject(), value)).toEqual(errorOf('Value must be valid JSON.'));
  }
  expect(await read(jsonObject(), { a: [{ b: 'x\u0000' }] })).toEqual(errorOf('Null characters are not allowed.'));
  expect(await read(jsonObject(), { '\ud800': 1 })).toEqual(errorOf('Surrogate characters are not allowed: U+D800.'));
  expect(await read(jsonObject(), { a: '\\u0000' })).toEqual({ a: '\\u0000' });
});

test('a rule of a field is asked of what was given, null included, and of nothing else', async () => {
  const even = (value: number | null | undefined) => (value === 2 ? undefined : `${value} is not 2.`);
  const shape = { a: checked(nullable(integer()), even), b: checked(optional(integer()), even) };
  expect(await validate({ a: 2 }, shape)).toEqual({ a: 2 });
  expect(await treeOf(validate({ a: null, b: '3' }, shape))).toEqual({ a: ['null is not 2.'], b: ['3 is not 2.'] });
  expect(await treeOf(validate({ a: 'x' }, shape))).toEqual({ a: ['A valid integer is required.'] });
});

describe('lists of objects', () => {
  const answers = objects({ question: pk(find), answer: char() }, (values) =>
    values.answer === 'bad' ? new Invalid({ non_field_errors: ['A valid number is required.'] }) : values,
  );

  test('errors stand beside the input', async () => {
    expect(await read(answers, [{ question: 1, answer: 5 }])).toEqual([{ question: { id: 1 }, answer: '5' }]);
    expect(await read(answers, [{}])).toEqual({
      error: [{ question: ['This field is required.'], answer: ['This field is required.'] }],
    });
    expect(
      await read(answers, [
        { question: 1, answer: 'x' },
        { question: 99999, answer: 'x' },
      ]),
    ).toEqual({
      error: [{}, { question: ['Invalid pk "99999" - object does not exist.'] }],
    });
    expect(await read(answers, [{ question: 1, answer: 'bad' }])).toEqual({
      error: [{ non_field_errors: ['A valid number is required.'] }],
    });
    expect(await read(answers, ['x'])).toEqual({
      error: [{ non_field_errors: ['Invalid data. Expected a dictionary, but got str.'] }],
    });
    expect(await read(answers, {})).toEqual({
      error: { non_field_errors: ['Expected a list of items but got type "dict".'] },
    });
    expect(await read(answers, null)).toEqual(errorOf('This field may not be null.'));
  });
});

describe('forms', () => {
  const form = (...pairs: [string, string][]) => new Fields(pairs);
  const shape = {
    name: char(),
    all_products: withDefault(boolean(), true),
    include_pending: boolean(),
    limit_products: pks(findMany),
    subevent: optional(nullable(pk(find))),
    comment: optional(char({ blank: true })),
    parts: optional(jsonObject()),
  };

  test('what is absent, empty, repeated', async () => {
    expect(await validate(form(['name', 'By form']), shape)).toEqual({
      name: 'By form',
      all_products: true,
      include_pending: false,
      limit_products: [],
    });
    const full = form(
      ['name', 'x'],
      ['name', 'y'],
      ['all_products', 'false'],
      ['limit_products', '1'],
      ['limit_products', '2'],
      ['subevent', ''],
      ['comment', ''],
      ['parts', '{"a":1}'],
    );
    expect(await validate(full, shape)).toMatchObject({
      name: 'y',
      all_products: false,
      limit_products: [{ id: 1 }, { id: 2 }],
      subevent: null,
      comment: '',
      parts: { a: 1 },
    });
    expect(await validatePartial(form(), shape)).toEqual({});
  });

  test('JSON in a form that is none, or only deep', async () => {
    for (const parts of ['x', '['.repeat(100_000), `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`]) {
      expect(await treeOf(validate(form(['parts', parts]), { parts: jsonObject() }))).toEqual({
        parts: ['Value must be valid JSON.'],
      });
    }
  });
});

test('integers too long for a number keep their digits, texts that look like them stay texts', () => {
  const text =
    '{"a":123456789012345678901234567890,"b":"1234567890123456789\\"0","c":[-9007199254740993,1.0000000000000001]}';
  expect(parseJsonText(text)).toEqual({
    a: 123456789012345678901234567890n,
    b: '1234567890123456789"0',
    c: [-9007199254740993n, 1],
  });
  expect(() => parseJsonText('9'.repeat(5000))).toThrow();
});
