import fc from 'fast-check';
import { readAnswers, type CheckinQuestion } from './answers';

const options = [
  { id: 4, identifier: 'OPTM0', text: 'Alpha' },
  { id: 5, identifier: 'OPTM1', text: 'Beta' },
  { id: 6, identifier: '4', text: 'Gamma' },
];
const question = (type: string, required = false): CheckinQuestion => ({
  id: 1,
  type,
  required,
  position: 0,
  options: type === 'C' || type === 'M' ? options : [],
});
/** The parsed text of one answer; undefined when it counts as not given. */
const read = (type: string, raw: unknown, place: Parameters<typeof readAnswers>[2] = 'Europe/Berlin') =>
  readAnswers([question(type)], { 1: raw }, place)[0]?.text;

describe('stored texts (contract §2.3, captures)', () => {
  test.each<[string, unknown, string | null | undefined]>([
    ['N', '3', '3'],
    ['N', '3.240', '3.240'],
    ['N', 3.24, '3.24'],
    ['N', ' 42 ', '42'],
    ['N', '-1.50', '-1.50'],
    ['N', '+7', '7'],
    ['N', '007', '7'],
    ['N', '.5', '0.5'],
    ['N', '5.', '5'],
    ['N', '0.00', '0.00'],
    ['N', 'many', undefined],
    ['N', '3,5', undefined],
    ['N', '1.2.3', undefined],
    ['N', '.', undefined],
    ['N', 'Infinity', undefined],
    ['N', true, undefined],
    ['N', ['3'], undefined],
    ['S', '  x ', '  x '],
    ['S', 5, '5'],
    ['S', true, 'True'],
    ['S', { a: [1] }, '{"a":[1]}'],
    ['S', 'a\0b', undefined],
    ['S', 'a\ud800', undefined],
    ['S', '🎪', '🎪'],
    ['T', 'none\nreally', 'none\nreally'],
    ['TEL', '+49 30 1234', '+49 30 1234'],
    ['F', 'file:anything', 'file:anything'],
    ['B', true, 'True'],
    ['B', 'true', 'True'],
    ['B', 'True', 'True'],
    ['B', 'TRUE', 'False'],
    ['B', 'yes', 'False'],
    ['B', 1, 'False'],
    ['B', false, 'False'],
    ['B', '', 'False'],
    ['C', '5', 'Beta'],
    ['C', 5, 'Beta'],
    ['C', 'OPTM1', 'Beta'],
    ['C', 'optm1', undefined],
    ['C', '4', 'Alpha'],
    ['C', '99', undefined],
    ['C', true, undefined],
    ['C', ['5'], undefined],
    ['M', '4,6', 'Alpha, Gamma'],
    ['M', '6, 5', 'Beta, Gamma'],
    ['M', ['OPTM1', 6], 'Beta, Gamma'],
    ['M', [5], 'Beta'],
    ['M', 5, 'Beta'],
    ['M', '5,5', 'Beta'],
    ['M', '5,99', undefined],
    ['M', '5,', undefined],
    ['M', [null, 5], undefined],
    ['M', { 5: 5 }, undefined],
    ['CC', 'DE', 'DE'],
    ['CC', 'de', 'de'],
    ['CC', 'XX', undefined],
    ['CC', 'Germany', undefined],
    ['CC', 49, undefined],
  ])('%s %j is %j', (type, raw, text) => {
    expect(read(type, raw)).toBe(text);
  });

  test('linked options stand in the order of the question', () => {
    expect(readAnswers([question('M')], { 1: '6,4' }, 'UTC')).toEqual([
      { question: 1, text: 'Alpha, Gamma', options: [4, 6], falsy: false },
    ]);
    expect(readAnswers([question('C')], { 1: 'OPTM1' }, 'UTC')).toEqual([
      { question: 1, text: 'Beta', options: [5], falsy: false },
    ]);
  });

  test.each([
    ['de', '3,5', '3.5'],
    ['de', '3.5', '3.5'],
    ['de-informal', '3,50', '3.50'],
    ['de', '1,2,3', undefined],
    ['en', '3,5', undefined],
    ['no language at all', '3,5', undefined],
  ])('in %s the number %s is %s', (language, raw, text) => {
    expect(read('N', raw, { timeZone: 'UTC', language })).toBe(text);
  });
});

describe('dates and times (contract, decisions)', () => {
  test.each([
    ['1990-02-28', '1990-02-28'],
    ['28.02.1990', '1990-02-28'],
    ['1.2.1990', '1990-02-01'],
    ['02/28/1990', '1990-02-28'],
    ['2/1/1990', '1990-02-01'],
    ['28/02/1990', '1990-02-28'],
    ['1990/02/28', '1990-02-28'],
    ['19900228', '1990-02-28'],
    ['18 July 2027', '2027-07-18'],
    ['18. Jul 2027', '2027-07-18'],
    ['July 18th, 2027', '2027-07-18'],
    ['Sunday, 18 July 2027', '2027-07-18'],
    ['18-Sept-2027', '2027-09-18'],
    ['2027-07-18T20:00:00Z', '2027-07-18'],
    ['  2027-07-18  ', '2027-07-18'],
    ['2028-02-29', '2028-02-29'],
    ['2027-02-29', undefined],
    ['31.04.2027', undefined],
    ['13/13/2027', undefined],
    ['0000-01-01', undefined],
    ['18 Julember 2027', undefined],
    ['18:00', undefined],
    ['soon', undefined],
    ['July', undefined],
    ['2027-07', undefined],
    [20270718, undefined],
    [['2027-07-18'], undefined],
    [`2027-07-18${' '.repeat(100_000)}x`, undefined],
  ])('D %j is %j', (raw, text) => {
    expect(read('D', raw)).toBe(text);
  });

  test.each([
    ['18:30', '18:30:00'],
    ['18:30:15', '18:30:15'],
    ['18:30:15.987', '18:30:15'],
    ['8:05', '08:05:00'],
    ['6pm', '18:00:00'],
    ['6 PM', '18:00:00'],
    ['6 p.m.', '18:00:00'],
    ['6:30 pm', '18:30:00'],
    ['12am', '00:00:00'],
    ['12:15 pm', '12:15:00'],
    ['18:30Z', '18:30:00'],
    ['2027-07-18T20:00:00+02:00', '20:00:00'],
    ['18 July 2027 8pm', '20:00:00'],
    ['24:00', undefined],
    ['18:60', undefined],
    ['18:30:60', undefined],
    ['13pm', undefined],
    ['0am', undefined],
    ['18', undefined],
    ['18:30 tomorrow', undefined],
    ['tomorrow 18:30', undefined],
    ['2027-07-18', undefined],
    [1830, undefined],
  ])('H %j is %j', (raw, text) => {
    expect(read('H', raw)).toBe(text);
  });

  test.each([
    ['2027-07-18T20:00:00Z', '2027-07-18 20:00:00+00:00'],
    ['2027-07-18T20:00:00+02:00', '2027-07-18 20:00:00+02:00'],
    ['2027-07-18T20:00:00-0330', '2027-07-18 20:00:00-03:30'],
    ['2027-07-18 20:00 +02', '2027-07-18 20:00:00+02:00'],
    ['2027-07-18T20:00', '2027-07-18 20:00:00+02:00'],
    ['2027-01-18 20:00', '2027-01-18 20:00:00+01:00'],
    ['20270718T200015Z', '2027-07-18 20:00:15+00:00'],
    ['18 July 2027 20:00', '2027-07-18 20:00:00+02:00'],
    ['July 18, 2027 at 8:30 pm', '2027-07-18 20:30:00+02:00'],
    ['18.07.2027 20:00', '2027-07-18 20:00:00+02:00'],
    ['18.07.2027, 20:00', '2027-07-18 20:00:00+02:00'],
    ['07/18/2027 6pm', '2027-07-18 18:00:00+02:00'],
    ['2027-07-18', '2027-07-18 00:00:00+02:00'],
    ['2027-07-18T20:00:00+24:00', undefined],
    ['2027-07-18T25:00:00Z', undefined],
    ['20:00', undefined],
    ['', null],
  ])('W %j is %j', (raw, text) => {
    expect(read('W', raw)).toBe(text);
  });

  test.each([
    // A skipped hour has the winter offset; an hour that occurs twice is its first one.
    ['Europe/Berlin', '2027-03-28 02:30', '2027-03-28 02:30:00+01:00'],
    ['Europe/Berlin', '2027-03-28 03:00', '2027-03-28 03:00:00+02:00'],
    ['Europe/Berlin', '2027-10-31 02:30', '2027-10-31 02:30:00+02:00'],
    ['Europe/Berlin', '2027-10-31 03:00', '2027-10-31 03:00:00+01:00'],
    ['America/St_Johns', '2027-07-18 20:00', '2027-07-18 20:00:00-02:30'],
    ['Asia/Kathmandu', '2027-07-18 20:00', '2027-07-18 20:00:00+05:45'],
    ['Australia/Lord_Howe', '2027-01-01 20:00', '2027-01-01 20:00:00+11:00'],
    ['UTC', '2027-07-18 20:00', '2027-07-18 20:00:00+00:00'],
    ['Mars/Olympus_Mons', '2027-07-18 20:00', '2027-07-18 20:00:00+00:00'],
  ])('in %s the clock time %s is %s', (zone, raw, text) => {
    expect(read('W', raw, zone)).toBe(text);
  });
});

describe('required, empty and falsy (contract §2.3, §2.4)', () => {
  const types = ['N', 'S', 'T', 'C', 'M', 'F', 'D', 'H', 'W', 'CC', 'TEL', 'B'];
  const empties: unknown[] = ['', null, false, 0, [], {}];

  test.each(types)('%s: empty is no answer when optional, and not given when required', (type) => {
    for (const raw of empties) {
      const text = type === 'B' ? 'False' : null;
      expect(readAnswers([question(type)], { 1: raw }, 'UTC')).toEqual([
        { question: 1, text, options: [], falsy: true },
      ]);
      expect(readAnswers([question(type, true)], { 1: raw }, 'UTC')).toEqual([]);
    }
  });

  test.each([
    ['true', 'True'],
    ['false', undefined],
    ['no', undefined],
  ])('a required yes is not given by %j', (raw, text) => {
    expect(readAnswers([question('B', true)], { 1: raw }, 'UTC')[0]?.text).toBe(text);
  });

  test.each([
    ['N', '0', true],
    ['N', '-0.00', true],
    ['N', '0.01', false],
    ['S', '0', false],
    ['S', ' ', false],
    ['B', 'false', true],
  ])('%s %j is falsy: %j', (type, raw, falsy) => {
    expect(readAnswers([question(type, type !== 'B')], { 1: raw }, 'UTC')[0]?.falsy).toBe(falsy);
  });
});

describe('whatever is sent', () => {
  test('only own keys of asked questions are read', () => {
    const hostile = JSON.parse('{"__proto__": {"1": "x"}, "constructor": "x", "99": "x", "01": "x"}') as object;
    expect(readAnswers([question('S')], hostile as Record<string, unknown>, 'UTC')).toEqual([]);
    expect(readAnswers([question('S')], Object.create({ 1: 'x' }) as Record<string, unknown>, 'UTC')).toEqual([]);
  });

  test('answers stand in the order of the questions', () => {
    const questions = [9, 2].map((id) => ({ ...question('S'), id }));
    expect(readAnswers(questions, { 2: 'b', 9: 'a' }, 'UTC').map((one) => one.question)).toEqual([9, 2]);
  });

  test('any JSON is an answer or none, and its text can be stored', () => {
    const anyType = fc.constantFrom('N', 'S', 'T', 'B', 'C', 'M', 'F', 'D', 'H', 'W', 'CC', 'TEL', 'new');
    const anyRaw = fc.oneof(
      fc.jsonValue(),
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...'0123456789:-/.TZ pm+') }),
    );
    fc.assert(
      fc.property(anyType, fc.boolean(), anyRaw, (type, required, raw) => {
        for (const { text } of readAnswers([question(type, required)], { 1: raw }, 'Europe/Berlin')) {
          expect(text ?? '').not.toMatch(/[\0\p{Surrogate}]/u);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
