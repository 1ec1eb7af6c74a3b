import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope, Recorded } from '@gatehouse/events/envelope';
import { metrics } from '@opentelemetry/api';
import type { Pool } from 'pg';
import { coalesce } from './coalesce';
import { RejectedEvent, StoreUnavailable, WrongRevision, type ContextStore, type Position } from './event-store';
import { COLUMNS, FOLLOW_ALL, FOLLOW_SOME } from './follow-statements';
import { EVENT_VALUES, eventValues, type Append } from './append-values';
import { changesOf, inlineAppend, sizeOf, type Appended, type Changes, type InlineModel } from './inline';
import { available, isConnectionError, isPassing, lockKey, waker, type Listener } from './postgres';
import { storable } from './storable';
import { spanOver } from './tracing';

/** The answer of `append_events` to a batch. */
type Written = {
  /** Lengths that the streams had. */
  readonly actuals: readonly number[];
  /** Of the events that were stored; null: there are none. */
  readonly positions: readonly Position[] | null;
};

const APPEND_BATCH = 500;
const SCAN_PAGE = 5_000;
/** Only a safety net: NOTIFY and a new connection wake a follower. */
const FOLLOW_PATIENCE_MS = 5_000;
/** After this many reads in turn that found events a follower unsubscribes from notifications: it is never idle. */
const BUSY_READS = 3;
/** With pauses that double from 50 ms: a short restart of PostgreSQL causes no error, an outage is reported within 4 s. */
const TRIES = 7;
/** Time limit for a reply: on a network that drops packets callers must not wait for ever. The outcome is then unknown. */
const ANSWER_MS = 10_000;
const MEGABYTE = 1_000_000;
/** Greater than every revision: the largest `integer`. */
const PAST_ALL = 2 ** 31 - 1;
/** Greater than every character of a stream's name. */
const LAST = '\u{10FFFF}';

/**
 * The event store on PostgreSQL: the table of one context's schema (sql/001-events.sql), appended in group commits. While
 * one call is in flight further appends collect; the next statement appends all of them, and each caller gets its own
 * outcome.
 */
export function postgresStore(options: {
  pool: Pool;
  context: string;
  listener: Listener;
  /** Read models that appends fill in their own transaction. */
  inline?: readonly InlineModel[];
}): ContextStore {
  const { pool, context, listener, inline = [] } = options;
  const lock = lockKey('append', context);
  const { text, values } = inlineAppend(inline, EVENT_VALUES);
  const batches = metrics.getMeter('gatehouse').createHistogram('gatehouse.store.batch.size', {
    description: 'Appends that went down in one commit',
    advice: { explicitBucketBoundaries: [1, 2, 5, 10, 20, 50, 100, 200, 500] },
  });

  async function commit(appends: readonly Append[]): Promise<(Position | Error)[]> {
    const { actuals, positions } = await written(appends);
    let stored = 0;
    const outcomes = appends.map((append, i) => {
      if (actuals[i] !== append.expected) return new WrongRevision(append.stream, append.expected, actuals[i]!);
      stored += append.events.length;
      return positions![stored - 1]!;
    });
    if (outcomes.some((outcome) => outcome instanceof WrongRevision)) await forgiveRepeats(appends, outcomes);
    return outcomes;
  }

  /** Appends a batch in one transaction, and fills read models in it if they can be filled. */
  async function written(appends: readonly Append[]): Promise<Written> {
    const events = eventValues(lock, appends);
    const ask = async (changes: readonly Changes[] | undefined): Promise<Written> => {
      const { rows } = await pool.query<Written>({
        name: 'append_events',
        query_timeout: ANSWER_MS,
        text,
        values: [...events, ...values(changes)],
      });
      return rows[0]!;
    };
    try {
      return await ask(appends.map(({ changes }) => changes));
    } catch (error) {
      // Nothing was written. Whatever keeps a read model from being filled, its projection reports it; the events become history.
      if (isConnectionError(error) || inline.length === 0) throw error;
      return ask(undefined);
    }
  }

  /** A refused append may repeat one that was committed: then its own ids are at the expected place, and it succeeds. */
  async function forgiveRepeats(appends: readonly Append[], outcomes: (Position | Error)[]): Promise<void> {
    const refused = appends.flatMap((append, i) => (outcomes[i] instanceof WrongRevision ? [{ append, i }] : []));
    const found = await pool.query<{ n: number; ids: string[]; last: string }>(
      `select q.n::integer as n, array_agg(e.id::text order by e.revision) as ids, max(e.position) as last
       from unnest($1::text[], $2::integer[], $3::integer[]) with ordinality as q(stream, first, past, n)
       join events e on e.stream = q.stream and e.revision >= q.first and e.revision < q.past
       group by q.n`,
      [
        refused.map(({ append }) => append.stream),
        refused.map(({ append }) => append.expected),
        refused.map(({ append }) => append.expected + append.events.length),
      ],
    );
    for (const row of found.rows) {
      const { append, i } = refused[row.n - 1]!;
      if (row.ids.join() === append.events.map((event) => event.id).join()) outcomes[i] = row.last;
    }
  }

  /**
   * After a broken connection it is unknown whether the batch was committed, so the same call is repeated: either the lost
   * call has committed, and the ids are found; or it reaches the append lock later, and its expected revisions refuse it.
   */
  async function run(appends: readonly Append[]): Promise<(Position | Error)[]> {
    const began = performance.now();
    for (let tries = 1; ; tries++) {
      try {
        return await commit(appends);
      } catch (error) {
        if (isDataError(error)) return isolate(appends, error);
        if (!isPassing(error)) throw error;
        if (tries === TRIES || performance.now() - began > ANSWER_MS) {
          return appends.map(() => new StoreUnavailable('the database is away', { cause: error }));
        }
        await sleep(25 * 2 ** tries);
      }
    }
  }

  /** PostgreSQL refuses the data of one append: the batch is halved until that one is alone, so that the others succeed. */
  async function isolate(appends: readonly Append[], cause: unknown): Promise<(Position | Error)[]> {
    if (appends.length === 1) return [new RejectedEvent('the store refuses this event', { cause })];
    const middle = appends.length >> 1;
    return [...(await run(appends.slice(0, middle))), ...(await run(appends.slice(middle)))];
  }

  function observed(appends: readonly Append[]): Promise<(Position | Error)[]> {
    batches.record(appends.length, { context });
    const traces = appends.flatMap(({ events }) => events.map((event) => event.trace));
    return spanOver(`append ${context}`, traces, () => run(appends));
  }

  const appends = coalesce<Append, Position>(observed, {
    batch: APPEND_BATCH,
    waiting: 20_000,
    key: (append) => append.stream,
    size: { of: (append) => append.bytes, batch: 4 * MEGABYTE, waiting: 64 * MEGABYTE },
  });

  /** Reads of events, each with one row of `valuesOf`'s arrays; concurrent reads share a statement. */
  function reads<Ask>(text: string, valuesOf: (asks: readonly Ask[]) => unknown[]) {
    return coalesce<Ask, Envelope[]>(
      async (asks) => {
        const { rows } = await available(
          // Without a name, so that it is planned each time: a plan from when the table was tiny would read all of it.
          pool.query<Recorded & { n: number }>({ query_timeout: ANSWER_MS, text, values: valuesOf(asks) }),
        );
        const answers: Envelope[][] = asks.map(() => []);
        for (const { n, ...event } of rows) answers[n - 1]!.push(event);
        return answers;
      },
      { batch: 500, waiting: 20_000 },
    );
  }

  // `offset 0` makes it one index lookup for each stream or id, never a hash of all events.
  const loads = reads<{ stream: string; from: number; to: number }>(
    `select q.n::integer as n, e.*
     from unnest($1::text[], $2::integer[], $3::integer[]) with ordinality as q(stream, first, past, n)
     cross join lateral (
       select ${COLUMNS} from events
       where stream = q.stream and revision >= q.first and revision < q.past order by revision offset 0
     ) e
     order by q.n, e.revision`,
    (asks) => [asks.map((ask) => ask.stream), asks.map((ask) => ask.from), asks.map((ask) => ask.to)],
  );

  // With the condition of the index of derived ids (sql/005-requests.sql), so that it can be used.
  const finds = reads<{ stream: string; id: string }>(
    `select q.n::integer as n, e.*
     from unnest($1::text[], $2::uuid[]) with ordinality as q(stream, id, n)
     cross join lateral (
       select ${COLUMNS} from events where id = q.id and get_byte(uuid_send(id), 6) >> 4 = 5 offset 0
     ) e
     where e.stream = q.stream order by q.n, e.revision`,
    (asks) => [asks.map((ask) => ask.stream), asks.map((ask) => ask.id)],
  );

  function prepare(asked: Omit<Appended, 'time'>): Append {
    const { stream, expected, events } = asked;
    const time = new Date().toISOString();
    const { datas, bytes } = storable(stream, events);
    const changes = changesOf(inline, { ...asked, time });
    return { stream, expected, events, datas, bytes: bytes + sizeOf(changes), time, changes };
  }

  /** Backwards, in the order of the index: forwards each page would sort all remaining streams. */
  async function* scan(prefix: string): AsyncGenerator<Recorded[]> {
    let before = `${prefix}${LAST}`;
    for (;;) {
      const { rows } = await available(
        pool.query<Recorded>(
          `select distinct on (stream) ${COLUMNS} from events
           where stream > $1 and stream < $2 order by stream desc, revision desc limit ${SCAN_PAGE}`,
          [prefix, before],
        ),
      );
      yield rows;
      if (rows.length < SCAN_PAGE) return;
      before = rows.at(-1)!.stream;
    }
  }

  return {
    context,
    appendLock: lock,
    start: '0',
    // Decimals without leading zeros.
    before: (a, b) => (a.length === b.length ? a < b : a.length < b.length),
    between: (a, b) => Math.max(0, Number(b) - Number(a)),
    load: (stream, from = 0, to = PAST_ALL) => loads.ask({ stream, from, to }),
    find: async (stream, id) => (await finds.ask({ stream, id }))[0],
    // Async, so that an exception before queueing becomes a rejection.
    append: async (stream, expected, events, states) =>
      appends.ask(prepare({ stream, expected, events, ...(states ? { states } : {}) })),
    async appendMany(asked) {
      const prepared = asked.map(prepare);
      const outcomes: (Position | WrongRevision)[] = [];
      // In slices, so that a bulk does not fill the queue before single appends.
      for (let from = 0; from < prepared.length; from += APPEND_BATCH) {
        const slice = prepared.slice(from, from + APPEND_BATCH).map((append) =>
          appends.ask(append).catch((error: unknown) => {
            if (error instanceof WrongRevision) return error;
            throw error;
          }),
        );
        outcomes.push(...(await Promise.all(slice)));
      }
      return outcomes;
    },
    async head() {
      const { rows } = await available(
        pool.query<{ head: string }>('select coalesce(max(position), 0)::text as head from events'),
      );
      return rows[0]!.head;
    },
    async heads(streams) {
      const { rows } = await available(
        pool.query<{ stream: string; revision: number; hash: string | null }>(
          `select q.stream, e.revision, e.data ->> 'hash' as hash
           from unnest($1::text[]) as q(stream)
           cross join lateral (
             select revision, data from events where stream = q.stream order by revision desc limit 1
           ) e`,
          [streams],
        ),
      );
      return new Map(rows.map(({ stream, revision, hash }) => [stream, { revision, hash }]));
    },
    async latest(prefix) {
      const newest: Recorded[] = [];
      for await (const events of scan(prefix)) newest.push(...events);
      return newest.reverse();
    },
    scan,
    async *follow(position, signal, only) {
      let at = position;
      const waiting = waker();
      let forget: (() => void) | undefined;
      let busy = 0;
      try {
        while (!signal.aborted) {
          let rows: (Recorded & { wanted: boolean })[];
          try {
            ({ rows } = await pool.query<Recorded & { wanted: boolean }>({
              // Without a name, like a load.
              query_timeout: ANSWER_MS,
              text: only ? FOLLOW_SOME : FOLLOW_ALL,
              values: only ? [at, only] : [at],
            }));
          } catch (error) {
            if (!isConnectionError(error)) throw error;
            await waiting.next(signal, 250);
            continue;
          }
          if (signal.aborted) return;
          if (rows.length === 0) {
            busy = 0;
            // Also wakes when it begins to listen, so one more read finds earlier events.
            forget ??= listener.on(`${context}.events`, waiting.wake);
            await waiting.next(signal, FOLLOW_PATIENCE_MS);
            continue;
          }
          if (++busy === BUSY_READS) {
            forget?.();
            forget = undefined;
          }
          at = rows.at(-1)!.position;
          yield { events: only ? rows.filter(({ wanted }) => wanted) : rows, position: at };
        }
      } finally {
        forget?.();
      }
    },
    idle: () => appends.idle(),
  };
}

const sqlState = (error: unknown): string => (error as { code?: string } | undefined)?.code ?? '';

/** A value that PostgreSQL cannot store (22, 54), or a constraint of the table (23): repeating does not help. */
const isDataError = (error: unknown): boolean => /^(22|23|54)...$/.test(sqlState(error));
