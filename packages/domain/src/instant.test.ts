import fc from 'fast-check';
import { earlier, epochMs, instantOf, parseInstant, sortable, truncateToMillis } from './instant';

describe('parseInstant (contract §1.6)', () => {
  test.each([
    ['2027-07-16T12:00:00Z', '2027-07-16T12:00:00Z'],
    ['2027-07-16T12:00Z', '2027-07-16T12:00:00Z'],
    ['2027-07-16 12:00', '2027-07-16T12:00:00Z'],
    ['2027-07-16T12:00:00', '2027-07-16T12:00:00Z'],
    ['2027-7-6T1:02:03Z', '2027-07-06T01:02:03Z'],
    ['2027-07-16T12:00:00.5Z', '2027-07-16T12:00:00.500000Z'],
    ['2027-07-16T12:00:00.000000Z', '2027-07-16T12:00:00Z'],
    ['2027-07-16T12:00:00.123456789Z', '2027-07-16T12:00:00.123456Z'],
    ['2027-07-16T12:00:00,25Z', '2027-07-16T12:00:00.250000Z'],
    ['2027-07-16T12:00:00+02:00', '2027-07-16T10:00:00Z'],
    ['2027-07-16T12:00:00+0200', '2027-07-16T10:00:00Z'],
    ['2027-07-16T12:00:00+02', '2027-07-16T10:00:00Z'],
    ['2027-07-16T12:00:00-09:30', '2027-07-16T21:30:00Z'],
    ['2027-01-01T00:30:00+01:00', '2026-12-31T23:30:00Z'],
    ['2028-02-29T12:00:00Z', '2028-02-29T12:00:00Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00Z'],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999999Z'],
  ])('%s is %s', (text, instant) => {
    expect(parseInstant(text)).toBe(instant);
  });

  test.each([
    ...['', 'now', '2027-07-16', '2027-02-29T12:00:00Z', '2027-04-31T12:00:00Z', '2027-13-01T12:00:00Z'],
    ...['2027-00-01T12:00:00Z', '2027-07-00T12:00:00Z', '2027-07-16T24:00:00Z', '2027-07-16T12:60:00Z'],
    ...['2027-07-16T12:00:60Z', '2027-07-16T12:00:00+24:00', '2027-07-16T12:00:00+01:60', '0000-01-01T00:00:00Z'],
    ...['0001-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00', '12027-07-16T12:00:00Z', '2027-07-16T12:00:00ZZ'],
    ...['2027-07-16T12:00:00 Europe/Berlin', '1900-02-29T00:00:00Z', '2027-07-16T12', '٢٠٢٧-07-16T12:00:00Z'],
  ])('%j is none', (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  const anyMoment = fc.tuple(fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 }), fc.nat(999));

  test('what was written is read again, unchanged', () => {
    fc.assert(
      fc.property(anyMoment, ([ms, micros]) => {
        const instant = instantOf(ms, micros);
        expect(parseInstant(instant)).toBe(instant);
        expect(epochMs(instant)).toBe(ms);
      }),
    );
  });

  test('the zone in which a moment is told does not matter', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 4_000_000_000_000 }),
        fc.integer({ min: -1439, max: 1439 }),
        (ms, offset) => {
          const wall = instantOf(ms + offset * 60_000).replace('Z', '');
          const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60];
          const zone = `${offset < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}:${String(minutes).padStart(2, '0')}`;
          expect(parseInstant(wall + zone)).toBe(instantOf(ms));
        },
      ),
    );
  });

  test('instants order as time does, to the microsecond', () => {
    fc.assert(
      fc.property(anyMoment, anyMoment, ([aMs, aMicros], [bMs, bMicros]) => {
        const before = aMs < bMs || (aMs === bMs && aMicros < bMicros);
        expect(earlier(instantOf(aMs, aMicros), instantOf(bMs, bMicros))).toBe(before);
      }),
    );
  });

  test('any text is read or refused', () => {
    fc.assert(fc.property(fc.string(), (text) => expect(['string', 'undefined']).toContain(typeof parseInstant(text))));
  });
});

test.each([
  ['2027-07-16T12:00:00Z', '2027-07-16T12:00:00Z', '2027-07-16T12:00:00.000000Z'],
  ['2027-07-16T12:00:00.123456Z', '2027-07-16T12:00:00.123Z', '2027-07-16T12:00:00.123456Z'],
])('%s is cut to %s and sorts as %s', (instant, cut, sorted) => {
  expect(truncateToMillis(instant)).toBe(cut);
  expect(sortable(instant)).toBe(sorted);
});
