import type { Context } from '@gatehouse/events/envelope';
import type { EventBus } from './event-bus';
import { consumeFeed, type ConsumerContext, type Feed } from './projection';

/**
 * The event bus on PostgreSQL, where all contexts live in one database: the publishing context's event table is the log, so
 * there is nothing to publish, and a consumer follows that table with a checkpoint in its own schema.
 */
export function logBus(options: { feeds: ReadonlyMap<Context, Feed> } & Omit<ConsumerContext, 'signal'>): EventBus {
  const { feeds, ...context } = options;
  return {
    publish: () => Promise.resolve(),
    async consume(group, topics, handle, signal) {
      await Promise.all(
        topics.map((topic) => {
          const feed = feeds.get(topic);
          if (!feed) throw new Error(`no log of ${topic} in this database`);
          return consumeFeed({ name: group, feed, handle }, { ...context, signal });
        }),
      );
    },
  };
}
