import type { Context } from '@gatehouse/events/contexts';
import { stuckAt, type StuckConsumer } from '@gatehouse/eventing/consumer-admin';
import type { FeedHealth } from '@gatehouse/eventing/feed-health';
import { eventName } from '@gatehouse/eventing/poison';
import type { Log } from './log';

/** The states of a context's consumers and relay in this process. */
export type FeedStates = {
  onHealth(health: FeedHealth): void;
  /** Sentences for /readyz: stuck consumers (of any process), and those of this process that fail for another reason. */
  troubles(stuck?: readonly StuckConsumer[]): string[];
};

/** First pause between log lines about the same failure; doubled each time. */
const FIRST_REMINDER_MS = 10_000;
const LAST_REMINDER_MS = 15 * 60_000;

type State = {
  readonly health: FeedHealth;
  readonly logged: string;
  readonly remindAt: number;
  readonly pause: number;
};

/** `now`: milliseconds of any clock. */
export function feedStates(context: Context, log: Log, now: () => number = Date.now): FeedStates {
  const states = new Map<string, State>();

  /** Logs the first failure, each new reason, and the same reason again after growing pauses. */
  function onHealth(health: FeedHealth): void {
    const { name, topic, state, error, poison } = health;
    const key = keyOf(health);
    const at = now();
    const before = states.get(key) ?? { logged: '', remindAt: 0, pause: 0 };
    const reason = `${poison?.id} ${error}`;
    const isNew = before.logged !== reason;
    // A consumer that fails and recovers many times a second must not flood the log either.
    if (state !== 'failing' || (!isNew && at < before.remindAt)) {
      states.set(key, { ...before, health });
      return;
    }
    if (poison === undefined)
      log.error({ context, consumer: name, topic, reason: error }, 'a consumer failed and is tried again');
    else {
      const message = stuckMessage({ context, name }, eventName(poison));
      log.error({ context, consumer: name, topic, event: poison, reason: error }, message);
    }
    const isFresh = isNew || at > before.remindAt + before.pause;
    const pause = isFresh ? FIRST_REMINDER_MS : Math.min(before.pause * 2, LAST_REMINDER_MS);
    states.set(key, { health, logged: reason, remindAt: at + pause, pause });
  }

  return {
    onHealth,
    troubles(stuck = []) {
      const stuckKeys = new Set(stuck.map(keyOf));
      return [
        ...stuck.map(
          ({ name, topic, stuck: at }) =>
            `the consumer ${context}.${name} of ${topic} stands still since ${at.since} at ${stuckAt(at)}, position ${at.position}: ${at.event.code}`,
        ),
        ...[...states.values()]
          .filter(({ health }) => health.state === 'failing' && !stuckKeys.has(keyOf(health)))
          .map(({ health: { name, topic } }) => `the consumer ${context}.${name} of ${topic} fails and is tried again`),
      ];
    },
  };
}

const keyOf = ({ name, topic }: { name: string; topic: string }): string => `${name} of ${topic}`;

const stuckMessage = ({ context, name }: { context: Context; name: string }, event: string): string =>
  `the consumer ${context}.${name} stands still: ${event} cannot be applied; ` +
  `"gatehouse consumer skip ${name} --context ${context} --reason …" passes over it for good`;
