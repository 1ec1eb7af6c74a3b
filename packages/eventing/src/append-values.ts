import type { NewEvent } from '@gatehouse/events/envelope';
import { arrayOf, binaryArray } from './array-values';
import type { Changes } from './inline';

/** An append that waits for its batch. */
export type Append = {
  stream: string;
  expected: number;
  events: readonly NewEvent[];
  datas: (string | Buffer)[];
  bytes: number;
  /** When it was asked for, in ISO 8601. */
  time: string;
  changes: Changes;
};

/** Values of `append_events` before those of read models. */
export const EVENT_VALUES = 12;

/** The first values of `append_events` (sql/009-append-columns.sql): the appends and their events. */
export function eventValues(lock: string, appends: readonly Append[]): (string | Buffer)[] {
  const events = appends.flatMap(({ events: own, expected }, i) =>
    own.map((event, j) => ({ event, append: i + 1, revision: expected + j })),
  );
  return [
    lock,
    arrayOf('text', appends, ({ stream }) => stream),
    arrayOf('integer', appends, ({ expected }) => expected),
    arrayOf('timestamptz', appends, ({ time }) => time),
    arrayOf('integer', events, ({ append }) => append),
    arrayOf('integer', events, ({ revision }) => revision),
    arrayOf('uuid', events, ({ event }) => event.id),
    arrayOf('text', events, ({ event }) => event.type),
    arrayOf('integer', events, ({ event }) => event.version),
    binaryArray(
      'json',
      appends.flatMap(({ datas }) => datas),
    ),
    arrayOf('text', events, ({ event }) => event.actor),
    arrayOf('text', events, ({ event }) => event.trace),
  ];
}
