import type { FeedHealth } from '@gatehouse/eventing/feed-health';
import type { Log } from './log';

/** What the consumers and the relay of a process say of themselves. */
export type FeedStates = {
  onHealth(health: FeedHealth): void;
  /** Those that fail now, in words for /readyz. */
  troubles(): string[];
};

export function feedStates(log: Log): FeedStates {
  const states = new Map<string, FeedHealth>();
  return {
    onHealth(health) {
      const { name, topic, state, error } = health;
      const key = `${name} from ${topic}`;
      if (state === 'failing' && states.get(key)?.state !== 'failing') {
        log.error({ consumer: name, topic, reason: error }, 'a consumer failed and is tried again');
      }
      states.set(key, health);
    },
    troubles: () =>
      [...states.values()]
        .filter(({ state }) => state === 'failing')
        .map(({ name, topic }) => `the consumer ${name} of ${topic} fails and is tried again`),
  };
}
