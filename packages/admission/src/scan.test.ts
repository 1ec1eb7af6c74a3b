import { randomUUID } from 'node:crypto';
import { ticket as ticketDecider } from '@gatehouse/domain/ticket';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { historyInTest, type HistoryInTest } from '@gatehouse/eventing/history-in-test';
import { refusalLog } from './refusals';
import { gate, ticketStreams } from './scan';

let history: HistoryInTest;
beforeAll(async () => (history = await historyInTest()));
afterAll(() => history.close());

const list = {
  organizer: 'demo',
  event: 'openair',
  id: 1,
  all_products: true,
  limit_products: [],
  subevent: null,
  include_pending: false,
};
const scan = {
  datetime: '2027-07-01T10:00:00.000000Z',
  force: false,
  ignoreUnpaid: false,
  nonce: null,
  questionsSupported: true,
  canceledSupported: false,
  questions: [],
  given: [],
  restrictedTo: null,
};
const by = () => ({ actor: 'token:1', trace: null, request: randomUUID() });
let tickets = 0;
const aTicket = () => ({
  id: ++tickets,
  event: 'demo/openair',
  date: null,
  item: 1,
  variation: null,
  status: 'p' as const,
  prepared: { blocked: false, unapproved: false, answers: '[]' } as never,
  facts: undefined as never,
  history: { state: ticketDecider.initial, revision: 0 },
});

/** A gate over a store that records which streams were loaded. */
function countingGate() {
  const { store } = history.open();
  const loaded: string[] = [];
  const counted: EventStore = {
    ...store,
    load(stream, ...part) {
      loaded.push(stream);
      return store.load(stream, ...part);
    },
  };
  return { gate: gate(ticketStreams(counted), refusalLog(store)), loaded };
}

test('contract §1.10 a scan whose request has written nothing loads no stream; one that runs again answers as it did', async () => {
  const [first, second] = [countingGate(), countingGate()];
  const request = by();
  const ticket = aTicket();
  expect(await first.gate.admit(ticket, { list, scan }, request)).toMatchObject({
    result: { outcome: 'ok', first: true },
  });
  expect(first.loaded).toEqual([]);

  // Another process after a crash of the first; its read models do not have the scan yet.
  expect(await second.gate.admit(ticket, { list, scan }, request)).toEqual({
    result: { outcome: 'ok', first: true },
    before: ticketDecider.initial,
  });
  expect(second.loaded.length).toBeGreaterThan(0);
  expect(await history.open().store.load(`ticket-${ticket.id}`)).toHaveLength(1);
});
