import type { Context } from '@gatehouse/events/contexts';
import type { EventBus } from './event-bus';
import type { EventStore } from './event-store';
import { available } from './postgres';
import { consumeFeed, type ConsumerContext, type Feed } from './projection';

/** A context's history with what consumers of it need. */
export type Log = Feed & Pick<EventStore, 'head' | 'between'>;

/**
 * The event bus without a broker, for contexts in one database: the publishing context's history is the log, so `publish`
 * does nothing, and a consumer follows it with a checkpoint in its own schema.
 */
export function logBus(options: { feeds: ReadonlyMap<Context, Log> } & Omit<ConsumerContext, 'signal'>): EventBus {
  const { feeds, ...context } = options;
  function logOf(topic: string): Log {
    const log = feeds.get(topic as Context);
    if (!log) throw new Error(`no log of ${topic} in this database`);
    return log;
  }
  return {
    publish: () => Promise.resolve(),
    async consume(group, topics, handle, { signal, only }) {
      await Promise.all(
        topics.map((topic) =>
          consumeFeed(
            {
              ...{ name: group, feed: logOf(topic), handle: (tx, batch) => handle(tx, batch, topic) },
              ...(only ? { only } : {}),
            },
            { ...context, signal },
          ),
        ),
      );
    },
    ends: (topics) =>
      Promise.all(topics.map(async (topic) => ({ topic, partition: 0, end: await logOf(topic).head() }))),
    async backlog(group, ends) {
      const { rows } = await available(
        context.pool.query<{ topic: string; position: string }>(
          'select topic, position from checkpoints where name = $1 and partition = 0',
          [group],
        ),
      );
      const applied = new Map(rows.map((row) => [row.topic, row.position]));
      const backlogOf = ({ topic, end }: { topic: string; end: string }) => {
        const log = logOf(topic);
        return log.between(applied.get(topic) ?? log.start, end);
      };
      return ends.reduce((sum, each) => sum + backlogOf(each), 0);
    },
  };
}
