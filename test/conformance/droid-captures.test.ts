import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { capturedFestival, exchanges, replyOf } from '@gatehouse/test-support/captured-festival';
import type { Exchange } from '@gatehouse/test-support/captures';
import { startSystem, type System } from '@gatehouse/test-support/system';

/*
 * The recorded calls of a real pretix 3.8's droid API, replayed on the festival in its state before them. Status and body
 * (JSON or text) must be equal, except for the differences in the table of this file.
 */

/**
 * The recordings are sorted by name; these check tickets in, or read the changes of others. All others may be replayed in
 * any order in between.
 */
const FIRST = ['droid-series-status', 'droid-series-status-without-subevent'];
const SCANS = [
  ...['ok', 'already-redeemed', 'force-1-is-not-true', 'force-already', 'force-true-capital', 'addon-ok'],
  ...['ok-with-nonce', 'nonce-repeat', 'nonce-other', 'ok-datetime', 'attention-item', 'attention-order'],
  ...['name-from-invoice-address', 'secret-slash-umlaut', 'secret-numeric', 'testmode-order'],
  ...['unpaid', 'unpaid-ignore-on-list-without-pending', 'unpaid-on-pending-list', 'unpaid-ignore-on-pending-list'],
  ...['unpaid-force', 'incomplete', 'incomplete-again', 'incomplete-some-answers', 'incomplete-bad-answer'],
  ...['incomplete-option-identifier', 'incomplete-required-false', 'incomplete-unpaid', 'incomplete-force'],
  ...['questions-not-supported', 'questions-supported-false-string', 'answers-all', 'answers-all-but-file-then-ok'],
  'series-ok',
].map((name) => `droid-redeem-${name}`);
/** A redirect there, a scan here: replayed last, so that no later call reads its ticket. */
const LAST = ['droid-redeem-no-slash'];

type Different = { readonly why: string; readonly status: number; readonly body: unknown };

/** Differences from the reference that the contract decided. */
const DIFFERENT: Readonly<Record<string, Different>> = {
  'droid-redeem-bad-datetime': {
    why: 'a crash of the reference (decisions, Droid)',
    status: 400,
    body: 'The datetime cannot be read.',
  },
  'droid-redeem-long-nonce': {
    why: 'a crash of the reference (decisions, Droid)',
    status: 400,
    body: 'The nonce has more than 190 characters.',
  },
  'droid-redeem-no-slash': {
    why: 'every route answers with and without its slash (decisions, Transport)',
    status: 200,
    body: {
      version: 3,
      status: 'ok',
      data: {
        secret: 'free02secret01abcdefgh',
        order: 'FREE02',
        item: '3-day pass',
        item_id: 1,
        variation: null,
        variation_id: null,
        attendee_name: 'Free Person 2',
        attention: false,
        redeemed: true,
        paid: true,
        checkin_allowed: true,
        addons_text: '',
      },
    },
  },
};

let system: System;
beforeAll(async () => {
  system = await startSystem([legacyDroid]);
  const files = capturedFestival({ scanned: false });
  const openair = files['events/openair/event.json'] as object;
  const tours = files['events/tours/event.json'] as object;
  const dates = files['events/tours/subevents.json'] as object[];
  await system.import({
    ...files,
    'events/openair/event.json': { ...openair, public_url: 'https://pretix.example.org/demo/openair/' },
    'events/tours/event.json': { ...tours, public_url: 'https://pretix.example.org/demo/tours/' },
    'events/tours/subevents.json': [
      { ...dates[0], name: { en: 'Friday tour' }, date_from: '2027-07-16T14:00:00+02:00', date_to: null },
      dates[1],
    ],
  });
});
afterAll(() => system.close());

const droid = [...exchanges.values()].filter(({ name }) => name.startsWith('droid-'));
const ordered = new Set([...FIRST, ...SCANS, ...LAST]);
const named = (names: readonly string[]) => names.map((name) => exchanges.get(name)!);

test('every name in the tables of this file is the name of a call', () => {
  expect([...ordered, ...Object.keys(DIFFERENT)].filter((name) => !exchanges.has(name))).toEqual([]);
  expect(droid).toHaveLength(104);
});

const others = droid.filter(({ name }) => !ordered.has(name));
test.each([...named(FIRST), ...named(SCANS), ...others, ...named(LAST)])('$name', async (exchange) => {
  const { request, response } = exchange;
  const expected = DIFFERENT[exchange.name] ?? { status: response.status, body: recorded(exchange) };
  const answer = await system.call(request.method, request.path, {
    headers: request.headers,
    ...(request.body === null ? {} : { body: request.body }),
  });
  expect({ status: answer.status, body: answer.body ?? answer.text }).toEqual({
    status: expected.status,
    body: expected.body,
  });
  if (response.status === 405 || request.method === 'OPTIONS') {
    const headers = (exchange.response as unknown as { headers: Record<string, string> }).headers;
    expect(answer.headers['allow']).toBe(headers['Allow']);
  }
});

type Question = { readonly id: number; readonly type: string; readonly items?: readonly number[] };

/** The recorded body with Gatehouse's questions: with their items (§12 row 1), without types that crash old scanners. */
function recorded({ name, response }: Exchange): unknown {
  if (!response.body.startsWith('{')) return response.body;
  const body = replyOf<{ questions?: readonly Question[] }>(name);
  if (!body.questions) return body;
  const questions = body.questions.filter(({ type }) => type !== 'CC').map((question) => ({ ...question, items: [6] }));
  return { ...body, questions };
}
