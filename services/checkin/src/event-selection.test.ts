import type { Festival } from '@gatehouse/shop/festival';
import { chooseOccasion, occasionsOf, type Occasion } from './event-selection';

/* Times are hours of one day in Berlin (UTC+2); a day more is +24. */
const hour = (hours: number) => Date.UTC(2027, 6, 1) + (hours - 2) * 3_600_000;
const iso = (hours: number | null) => (hours === null ? null : new Date(hour(hours)).toISOString());

type Times = { admission?: number; from: number; to?: number | null };
const times = ({ admission, from, to = null }: Times) => ({
  date_admission: iso(admission ?? null),
  date_from: iso(from)!,
  date_to: iso(to),
});

const festival = (event: string, at: Times | null, dates: object[] = []): Festival =>
  ({
    key: `demo/${event}`,
    fact: {
      organizer: 'demo',
      event,
      timezone: 'Europe/Berlin',
      has_subevents: dates.length > 0,
      ...(at ? times(at) : { date_admission: null, date_from: null, date_to: null }),
    },
    dates: new Map(dates.map((date) => [(date as { id: number }).id, date])),
  }) as unknown as Festival;

const occasion = (event: string, at: Times): Occasion => occasionsOf(festival(event, at))[0]!;

const morning = occasion('morning', { admission: 8, from: 9, to: 12 });
const evening = occasion('evening', { admission: 18, from: 20, to: 23 });
const tomorrow = occasion('tomorrow', { from: 24 + 10, to: 24 + 12 });
/** Nobody knows when it ends. */
const open = occasion('open', { from: 14 });

describe('the occasions of an event', () => {
  test('are itself, or the active dates of a series; doors open before it begins', () => {
    expect(morning).toMatchObject({ date: null, opens: hour(8), begins: hour(9), ends: hour(12) });
    expect(open).toMatchObject({ opens: hour(14), begins: hour(14), ends: null });
    const series = festival('tours', { from: 0 }, [
      { id: 1, active: true, ...times({ from: 9 }) },
      { id: 2, active: false, ...times({ from: 10 }) },
    ]);
    expect(occasionsOf(series).map(({ date, opens }) => [date, opens])).toEqual([[1, hour(9)]]);
  });
  test('without a beginning there is none', () => {
    expect(occasionsOf(festival('some day', null))).toEqual([]);
  });
});

describe('the occasion to show', () => {
  const all = [evening, morning, tomorrow];
  const at = (hours: number, current?: Occasion, of = all) =>
    chooseOccasion(of, current, hour(hours))?.festival.fact.event;

  test('none when there is none', () => {
    expect(chooseOccasion([], undefined, hour(9))).toBeUndefined();
    expect(chooseOccasion([], morning, hour(13))).toBeUndefined();
  });
  test('the one that runs, from when its doors open', () => {
    expect([at(8), at(11.9), at(18), at(22)]).toEqual(['morning', 'morning', 'evening', 'evening']);
    expect(at(18, morning)).toBe('evening');
  });
  test('what is shown stays while it runs, though it is not the one that began last', () => {
    const allDay = occasion('all day', { from: 6, to: 23 });
    expect(chooseOccasion([allDay, open], allDay, hour(15))).toBe(allDay);
    expect(chooseOccasion([allDay, open], undefined, hour(15))).toBe(open);
    // Another one that began later, and is known to run, takes over.
    expect(chooseOccasion([allDay, evening], allDay, hour(19))).toBe(evening);
  });
  test('before all the first, after all the last', () => {
    expect([at(1), at(24 + 20), at(1000)]).toEqual(['morning', 'tomorrow', 'tomorrow']);
  });
  test('between two of one day the nearer one, changing in the middle', () => {
    expect([at(13), at(14.9), at(15.1), at(17)]).toEqual(['morning', 'morning', 'evening', 'evening']);
  });
  test('between days the one of today', () => {
    expect([at(23.5), at(24 + 0.5)]).toEqual(['evening', 'tomorrow']);
    expect(at(23.9, evening)).toBe('evening');
  });
});
