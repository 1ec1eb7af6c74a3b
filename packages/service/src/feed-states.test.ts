import type { FeedHealth } from '@gatehouse/eventing/feed-health';
import { feedStates } from './feed-states';
import { createLog } from './log';

const poison = { id: 'e', type: 'OrderStated', version: 1, stream: 'order-1', revision: 0 };
const failing: FeedHealth = { name: 'tickets', topic: 'reference', state: 'failing', error: 'no', poison };

function logged() {
  const lines: { level: number; message: string }[] = [];
  let clock = 0;
  const log = createLog('info', { write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[0]) });
  const states = feedStates('admission', log, () => clock);
  return { lines, states, pass: (ms: number) => (clock += ms) };
}

test('a consumer that stands still is told at error level, again and again, with growing pauses', () => {
  const { lines, states, pass } = logged();
  const loggedAfter: number[] = [];
  for (let second = 0; second < 3_600; second += 5) {
    const before = lines.length;
    states.onHealth(failing);
    if (lines.length > before) loggedAfter.push(second);
    pass(5_000);
  }
  expect(loggedAfter).toEqual([0, 10, 30, 70, 150, 310, 630, 1270, 2170, 3070]);
  expect(new Set(lines.map(({ level }) => level))).toEqual(new Set([50]));
  expect(lines[0]).toMatchObject({
    context: 'admission',
    consumer: 'tickets',
    topic: 'reference',
    event: poison,
    reason: 'no',
  });
  expect(lines[0]!.message).toContain('gatehouse consumer skip tickets --context admission --reason');
});

test('one that fails and recovers many times a second does not flood the log; another reason is told at once', () => {
  const { lines, states, pass } = logged();
  for (let i = 0; i < 50; i++) {
    states.onHealth({ ...failing, state: 'running', error: null });
    states.onHealth(failing);
    pass(100);
  }
  expect(lines).toHaveLength(1);
  states.onHealth({ ...failing, error: 'another' });
  expect(lines).toHaveLength(2);
});

test('health names where a consumer stands still once, and others that fail', () => {
  const { states } = logged();
  states.onHealth(failing);
  states.onHealth({ name: 'lists', topic: 'admission', state: 'failing', error: 'no' });
  const stuck = { event: { ...poison, code: '22001' }, position: '7', error: 'no', since: '2026-11-28T08:00:00Z' };
  expect(states.troubles([{ name: 'tickets', topic: 'reference', partition: 0, stuck }])).toEqual([
    'the consumer admission.tickets of reference stands still since 2026-11-28T08:00:00Z at OrderStated e (revision 0 of order-1), position 7: 22001',
    'the consumer admission.lists of admission fails and is tried again',
  ]);
});
