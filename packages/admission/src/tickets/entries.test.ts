import { ticket } from '@gatehouse/domain/ticket';
import { ticketEvents, type TicketEvent } from '@gatehouse/events/admission';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { enteredAfter } from './entries';

const SAMPLES = join(__dirname, '../../../events/samples');

type Sample = { readonly type: string; readonly version: number; readonly data: unknown };

/** A stored sample of every event that a ticket's stream may hold. */
const events = readdirSync(SAMPLES)
  .map((file) => JSON.parse(readFileSync(join(SAMPLES, file), 'utf8')) as Sample)
  .flatMap((stored) => ticketEvents.read(stored) ?? []);

const { initial, evolve } = ticket;
const checkins = { '1': { datetime: '2026-01-01T00:00:00.000000Z', auto: false, nonces: [] } };

test.each(events)('$type says of a ticket what the ticket itself says', (event) => {
  const { list } = event.data;
  for (const state of [initial, { ...initial, checkins: { [list]: checkins['1'] } }]) {
    const before = list in state.checkins;
    expect(enteredAfter(event) ?? before).toBe(list in evolve(state, event).checkins);
  }
});

test('an entry lets in, an undo takes back, an exit and answers change nothing', () => {
  expect(events.length).toBeGreaterThan(3);
  const of = (type: TicketEvent['type']) => events.find((event) => event.type === type)!;
  expect(enteredAfter(of('PositionRedeemed'))).toBe(true);
  expect(enteredAfter(of('RedemptionUndone'))).toBe(false);
  expect(enteredAfter(of('AnswersGiven'))).toBeUndefined();
  const imported = of('CheckinImported') as Extract<TicketEvent, { type: 'CheckinImported' }>;
  expect(enteredAfter({ ...imported, data: { ...imported.data, kind: 'exit' } })).toBeUndefined();
  expect(enteredAfter({ ...imported, data: { ...imported.data, kind: 'entry' } })).toBe(true);
});
