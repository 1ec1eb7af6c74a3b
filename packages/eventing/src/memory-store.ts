import type { Recorded } from '@gatehouse/events/envelope';
import { WrongRevision, type EventStore } from './event-store';
import { waker } from './postgres';
import { storable } from './storable';

/** The event store in memory: shows that the contract suite says what the port means, not what PostgreSQL does. */
export function memoryStore(): EventStore {
  const log: Recorded[] = [];
  const byStream = new Map<string, Recorded[]>();
  const followers = new Set<() => void>();
  return {
    start: '0',
    before: (a, b) => Number(a) < Number(b),
    between: (a, b) => Math.max(0, Number(b) - Number(a)),
    load: (stream, from, to) => Promise.resolve((byStream.get(stream) ?? []).slice(from, to)),
    find: (stream, id) => Promise.resolve(byStream.get(stream)?.find((event) => event.id === id)),
    // Async, so that a refusal is a rejection.
    async append(stream, expected, events) {
      const { datas } = storable(stream, events);
      const there = byStream.get(stream) ?? [];
      if (there.length !== expected) {
        const same = there.slice(expected, expected + events.length);
        const repeat = same.length === events.length && same.every((event, i) => event.id === events[i]!.id);
        if (repeat) return same.at(-1)!.position;
        throw new WrongRevision(stream, expected, there.length);
      }
      const time = new Date().toISOString().replace('Z', '000Z');
      events.forEach((event, i) => {
        const data: unknown = JSON.parse(String(datas[i]));
        const revision = expected + i;
        const recorded = { ...event, data, stream, revision, time, position: String(log.length + 1) };
        log.push(recorded);
        there.push(recorded);
      });
      byStream.set(stream, there);
      for (const wake of followers) wake();
      return String(log.length);
    },
    head: () => Promise.resolve(String(log.length)),
    async *follow(position, signal) {
      let at = Number(position);
      const waiting = waker();
      followers.add(waiting.wake);
      try {
        while (!signal.aborted) {
          const events = log.slice(at, at + 100);
          if (events.length === 0) {
            await waiting.next(signal, 60_000);
            continue;
          }
          at += events.length;
          yield { events, position: String(at) };
        }
      } finally {
        followers.delete(waiting.wake);
      }
    },
  };
}
