import { checkin } from '@gatehouse/checkin/service';
import { call, type Answer, type Ask } from '@gatehouse/service/testing';
import {
  CROWD,
  festival,
  LISTS,
  OPENAIR,
  QUESTIONS,
  SURVEY,
  TICKETS,
  TOKENS,
  TWO_QUESTIONS,
} from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { startGate } from './gate-process';

/*
 * A gate dies after the request's events are appended and before its reply is stored under the idempotency key: the repeat,
 * at another process and after further requests of others, gets the same reply and writes nothing (design §3).
 */

const token = TOKENS.admin;
const lists = `${OPENAIR}checkinlists/`;
const at = (n: number) => `${CROWD}checkinlists/${LISTS.crowd}/positions/${TICKETS.crowdFirst.id + n}/redeem/`;
const survey = (id: number) => `${SURVEY}checkinlists/${LISTS.survey}/positions/${id}/redeem/`;
const { first, second, ticket: asked } = TWO_QUESTIONS;
const [{ required: open }] = Object.values(QUESTIONS) as [(typeof QUESTIONS)[keyof typeof QUESTIONS]];
const answers = (text: string) => ({ [first]: text, [second]: 'true' });

type Request = { readonly method: string; readonly target: string; readonly json?: unknown };
type Case = {
  readonly what: string;
  /** A request of others before it. */
  readonly before?: Request;
  readonly request: Request;
  readonly status: number;
  /** A request of others between the first attempt and the repeat. */
  readonly between?: Request;
};
const post = (target: string, json: unknown = {}): Request => ({ method: 'POST', target, json });

const CASES: readonly Case[] = [
  { what: 'an entry', request: post(at(0), { nonce: 'a' }), status: 201, between: post(at(0), { force: true }) },
  { what: 'an entry that is told again later', request: post(at(1)), status: 201, between: post(at(1)) },
  { what: 'a forced repeat', before: post(at(2)), request: post(at(2), { force: true }), status: 201 },
  {
    what: 'a nonce that comes again',
    before: post(at(3), { nonce: 'n' }),
    request: post(at(3), { nonce: 'n' }),
    status: 201,
  },
  {
    what: 'an entry with answers',
    request: post(survey(asked.id), { answers: answers('first') }),
    status: 201,
    between: post(survey(asked.id), { force: true, answers: answers('later') }),
  },
  { what: 'a refusal', before: post(at(4)), request: post(at(4)), status: 400, between: post(at(5)) },
  { what: 'questions', request: post(survey(open.ticket.id)), status: 400 },
  { what: 'an unknown ticket', request: post(at(5).replace(/[^/]+\/redeem/, 'nosuch/redeem')), status: 404 },
  { what: 'a new list', request: post(lists, { name: 'Made once' }), status: 201 },
  {
    what: 'a changed list',
    request: { method: 'PATCH', target: `${lists}${LISTS.merchandise}/`, json: { name: 'Changed' } },
    status: 200,
    between: { method: 'PATCH', target: `${lists}${LISTS.merchandise}/`, json: { name: 'Changed by others' } },
  },
  { what: 'a deleted list', request: { method: 'DELETE', target: `${lists}${LISTS.auto}/` }, status: 204 },
];

let system: System;
let replies: Map<string, { readonly first: Answer; readonly again: Answer }>;
/** Number of events written by the first requests, then by their repeats. */
const written: number[] = [];

const askOf = ({ json }: Request): Ask => ({ token, ...(json === undefined ? {} : { json }) });
const keyed = (request: Request, key: string): Ask => ({ ...askOf(request), headers: { 'x-idempotency-key': key } });

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  const others = async (requests: readonly (Request | undefined)[]) => {
    for (const each of requests) if (each) await system.call(each.method, each.target, askOf(each));
  };
  const counted = async (work: () => Promise<void>) => {
    const before = (await system.events()).length;
    await work();
    written.push((await system.events()).length - before);
  };
  await others(CASES.map(({ before }) => before));
  await system.pool.query(`
    create function transport.lose() returns trigger language plpgsql as $$ begin raise 'lost'; end $$;
    create trigger lose before update on transport.idempotency for each row execute function transport.lose()`);
  const gate = await startGate(system.databaseUrl);
  const firsts: Answer[] = [];
  await counted(async () => {
    for (const { what, request } of CASES)
      firsts.push(await call(gate.url, request.method, request.target, keyed(request, what)));
  });
  await gate.kill();
  await system.pool.query('drop trigger lose on transport.idempotency');
  await others(CASES.map(({ between }) => between));
  const next = await startGate(system.databaseUrl);
  replies = new Map();
  await counted(async () => {
    for (const [i, { what, request }] of CASES.entries()) {
      const again = await call(next.url, request.method, request.target, keyed(request, what));
      replies.set(what, { first: firsts[i]!, again });
    }
  });
  await next.kill();
});
afterAll(() => system.close());

test.each(CASES)('$what', ({ what, status }) => {
  const { first: before, again } = replies.get(what)!;
  expect(before.status).toBe(status);
  expect({ status: again.status, body: again.body }).toEqual({ status: before.status, body: before.body });
});

test('nothing was written twice', () => {
  // Two for an entry with answers, none for a repeated nonce.
  expect(written).toEqual([CASES.length, 0]);
});

test('what others did meanwhile stands', async () => {
  const { body } = await system.call('GET', `${lists}${LISTS.merchandise}/`, { token });
  expect(body).toMatchObject({ name: 'Changed by others' });
});
