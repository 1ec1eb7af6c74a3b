import type { Envelope } from '@gatehouse/events/envelope';

/** Which event it is, without what it says: that may be personal. Null: a message that is no event. */
export type EventFacts = Pick<Envelope, 'id' | 'type' | 'version' | 'stream' | 'revision'> | null;

/** What a process says of a consumer: shown by /readyz and in the metrics. */
export type FeedHealth = {
  name: string;
  topic: string;
  /** `failing` is said again with each try that fails. */
  state: 'starting' | 'running' | 'standby' | 'failing';
  error: string | null;
  /** The event at which it stands still, when that is why it fails. */
  poison?: EventFacts;
};

/**
 * Why it fails, for log and health. A database's own messages and a parser's quote the values that they met, so of those only the
 * code is reported.
 */
export function reasonOf(error: unknown): string {
  const { severity, code, message, name } = error as Record<'severity' | 'code' | 'message' | 'name', unknown>;
  if (severity !== undefined) return `the database answered ${String(code)}`;
  return name === 'SyntaxError' || name === 'ZodError' ? String(name) : String(message);
}
