import {
  sales,
  type BatchCreated,
  type BatchFailed,
  type BatchRequested,
  type TicketsIssued,
} from '@gatehouse/events/sales';
import { batch, failBatch, issueTickets, nextChunk, requestBatch, TICKETS_AT_ONCE } from './batch';
import { fold } from './decider';
import { spec } from './spec';
import { FIRST, request, ticketsFrom } from './batch-in-test';

const given = spec(batch);
const requested: BatchRequested = { type: 'BatchRequested', data: request };
const { comment: _comment, ...shown } = request;
const { id: _id, layout: _layout, price: _price, tax_rate, tax_value, tax_rule, locale, ...about } = shown;
const created: BatchCreated = { type: 'BatchCreated', data: { ...shown, first_position: FIRST } };
const failed: BatchFailed = { type: 'BatchFailed', data: { ...about, message: 'Too few places.' } };
const issued = (from: number, count: number): TicketsIssued => ({
  type: 'TicketsIssued',
  data: { batch: request.batch, from, first_position: FIRST + from, tickets: ticketsFrom(from, count) },
});
const large: BatchRequested = { type: 'BatchRequested', data: { ...request, amount: 2 * TICKETS_AT_ONCE + 1 } };

describe('requestBatch (contract §9.3)', () => {
  test('states all that was requested', () => {
    given()
      .when(requestBatch(request))
      .then({ status: 'open', changed: true, next: { from: 0, count: 3 } }, requested);
  });
  test('a repeat is the same batch, whatever it requests', () => {
    given(requested)
      .when(requestBatch({ ...request, amount: 7 }))
      .then({ status: 'open', changed: false, next: { from: 0, count: 3 } });
  });
  test('one that has ended does not begin again', () => {
    given(requested, failed).when(requestBatch(request)).then({ status: 'failed', changed: false, next: null });
  });
});

describe('issueTickets (contract §9.4)', () => {
  test('of a small batch issues all tickets and creates the batch, in one append', () => {
    given(requested)
      .when(issueTickets(0, ticketsFrom(0, 3), FIRST))
      .then({ status: 'created', changed: true, next: null }, issued(0, 3), created);
  });
  test('of a large one issues them in chunks; the last creates the batch', () => {
    const first = issued(0, TICKETS_AT_ONCE);
    const second = issued(TICKETS_AT_ONCE, TICKETS_AT_ONCE);
    const [from, end] = [TICKETS_AT_ONCE, 2 * TICKETS_AT_ONCE];
    given(large)
      .when(issueTickets(0, first.data.tickets, FIRST))
      .then({ status: 'open', changed: true, next: { from, count: TICKETS_AT_ONCE } }, first);
    given(large, first)
      .when(issueTickets(from, second.data.tickets, FIRST))
      .then({ status: 'open', changed: true, next: { from: end, count: 1 } }, second);
    const { comment: _private, ...data } = large.data;
    given(large, first, second)
      .when(issueTickets(end, ticketsFrom(end, 1), FIRST))
      .then({ status: 'created', changed: true, next: null }, issued(end, 1), {
        type: 'BatchCreated',
        data: { ...data, first_position: FIRST },
      });
  });
  test('goes on where it was, and never issues a chunk twice', () => {
    const first = issued(0, TICKETS_AT_ONCE);
    const next = { from: TICKETS_AT_ONCE, count: TICKETS_AT_ONCE };
    const others = ticketsFrom(90_000, TICKETS_AT_ONCE);
    expect(nextChunk(fold(batch, [large, first]))).toEqual(next);
    given(large, first)
      .when(issueTickets(0, others, FIRST))
      .then({ status: 'open', changed: false, next });
    given(large)
      .when(issueTickets(next.from, others, FIRST))
      .then({ status: 'open', changed: false, next: { from: 0, count: TICKETS_AT_ONCE } });
  });
  test.each([
    ['code', { code: ticketsFrom(0, 1)[0]!.code }],
    ['secret', { secret: ticketsFrom(0, 1)[0]!.secret }],
    ['pseudonymization id', { pseudonymization_id: ticketsFrom(0, 1)[0]!.pseudonymization_id }],
  ])('no %s comes twice, neither in a chunk nor in a batch', (_what, taken) => {
    const again = ticketsFrom(TICKETS_AT_ONCE, 2).map((ticket, i) => (i === 1 ? { ...ticket, ...taken } : ticket));
    const next = { from: TICKETS_AT_ONCE, count: TICKETS_AT_ONCE };
    given(large, issued(0, TICKETS_AT_ONCE))
      .when(issueTickets(TICKETS_AT_ONCE, again, FIRST))
      .then({ status: 'open', changed: false, next });
    given(requested)
      .when(issueTickets(0, [...ticketsFrom(0, 1), again[1]!], FIRST))
      .then({ status: 'open', changed: false, next: { from: 0, count: 3 } });
  });
  test('more tickets than the batch has are not issued, fewer are completed later', () => {
    given(requested)
      .when(issueTickets(0, ticketsFrom(0, 5), FIRST))
      .then({ status: 'created', changed: true, next: null }, issued(0, 3), created);
    given(requested)
      .when(issueTickets(0, ticketsFrom(0, 2), FIRST))
      .then({ status: 'open', changed: true, next: { from: 2, count: 1 } }, issued(0, 2));
    given(requested)
      .when(issueTickets(0, [], FIRST))
      .then({ status: 'open', changed: false, next: { from: 0, count: 3 } });
  });
  test('its tickets are numbered without a gap from the first chunk on, whatever is offered later', () => {
    const first = issued(0, TICKETS_AT_ONCE);
    given(large, first)
      .when(issueTickets(TICKETS_AT_ONCE, ticketsFrom(TICKETS_AT_ONCE, TICKETS_AT_ONCE), FIRST + 50_000))
      .then(
        { status: 'open', changed: true, next: { from: 2 * TICKETS_AT_ONCE, count: 1 } },
        issued(TICKETS_AT_ONCE, TICKETS_AT_ONCE),
      );
  });
  test('a batch that has ended, or that nobody requested, gets no tickets', () => {
    const decide = issueTickets(0, ticketsFrom(0, 3), FIRST);
    given(requested, issued(0, 3), created).when(decide).then({ status: 'created', changed: false, next: null });
    given(requested, failed).when(decide).then({ status: 'failed', changed: false, next: null });
    given().when(decide).then({ status: 'unknown', changed: false, next: null });
  });
});

describe('failBatch (contract §9.4)', () => {
  test('says why, once', () => {
    given(requested).when(failBatch('Too few places.')).then({ status: 'failed', changed: true, next: null }, failed);
    given(requested, failed).when(failBatch('Other.')).then({ status: 'failed', changed: false, next: null });
  });
  test('a batch may fail while its tickets are being issued: none of them becomes valid', () => {
    given(large, issued(0, TICKETS_AT_ONCE))
      .when(failBatch('Too few places.'))
      .then(
        { status: 'failed', changed: true, next: null },
        { type: 'BatchFailed', data: { ...failed.data, amount: large.data.amount } },
      );
  });
  test('not when it is created, nor when nobody requested it', () => {
    given(requested, issued(0, 3), created)
      .when(failBatch('Too few places.'))
      .then({ status: 'created', changed: false, next: null });
    given().when(failBatch('Too few places.')).then({ status: 'unknown', changed: false, next: null });
  });
});

describe('the events', () => {
  test.each([requested, issued(0, 3), created, failed])('$type is written and read as it is', (event) => {
    expect(sales.read(sales.write(event))).toEqual(event);
  });
  test('a chunk is far under 1 MiB', () => {
    expect(JSON.stringify(issued(0, TICKETS_AT_ONCE).data).length).toBeLessThan(64 * 1_024);
  });
  test('neither secrets nor codes are published, nor what the organizer has noted', () => {
    const open = [...sales.definitions.values()].filter(({ isPrivate }) => !isPrivate);
    expect(open.map(({ type }) => type)).toEqual(['BatchRequested', 'BatchCreated', 'BatchFailed']);
    for (const event of [requested, created, failed]) {
      const { privateFields } = sales.definitions.get(event.type)!;
      const published = Object.keys(event.data).filter((field) => !privateFields.includes(field));
      for (const field of ['comment', 'tickets', 'code', 'secret']) expect(published).not.toContain(field);
    }
  });
});
