import type { Envelope } from '@gatehouse/events/envelope';

/** Identifies an event without its data, which may be personal. Null: a message that is no event. */
export type EventFacts = Pick<Envelope, 'id' | 'type' | 'version' | 'stream' | 'revision'> | null;

/** A consumer's state, as /readyz and the metrics show it. */
export type FeedHealth = {
  name: string;
  topic: string;
  /** `failing` is reported again after each failed attempt. */
  state: 'starting' | 'running' | 'standby' | 'failing';
  error: string | null;
  /** The poison event, if that is why the consumer fails. */
  poison?: EventFacts;
};

/**
 * The reason of a failure, for log and health. Messages of a database or a parser quote values, so of such errors only the
 * code is reported.
 */
export function reasonOf(error: unknown): string {
  const { severity, code, message, name } = error as Record<'severity' | 'code' | 'message' | 'name', unknown>;
  if (severity !== undefined) return `the database answered ${String(code)}`;
  return name === 'SyntaxError' || name === 'ZodError' ? String(name) : String(message);
}
