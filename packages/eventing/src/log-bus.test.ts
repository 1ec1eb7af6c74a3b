import type { Context } from '@gatehouse/events/contexts';
import { eventBusContract } from './bus-contract';
import { historyInTest } from './history-in-test';
import { logBus, type Log } from './log-bus';

eventBusContract('the history of the publishing context as the log', async () => {
  const consuming = await historyInTest({ context: 'admission' });
  const publishing = await historyInTest({ context: 'reference', url: consuming.url });
  const { store } = publishing.open();
  return {
    topic: 'reference',
    async publish(events) {
      await Promise.all(events.map((event) => store.append(event.stream, event.revision, [event])));
    },
    consumer() {
      const { pool } = consuming.open();
      const log = publishing.open().store;
      const feeds = new Map<Context, Log>([['reference', { ...log, topic: 'reference' }]]);
      return Promise.resolve({
        pool,
        bus: logBus({ feeds, pool, schema: consuming.schema, onHealth: () => undefined }),
      });
    },
    async close() {
      await publishing.close();
      await consuming.close();
    },
  };
});
