/** What a process says of a consumer: shown by /readyz and in the metrics. */
export type FeedHealth = {
  name: string;
  topic: string;
  state: 'starting' | 'running' | 'standby' | 'failing';
  error: string | null;
};

/** Why it fails, for log and health. A database's own messages quote the values they met, so of those only the code is told. */
export function reasonOf(error: unknown): string {
  const { severity, code, message } = error as { severity?: unknown; code?: unknown; message?: unknown };
  return severity === undefined ? String(message) : `the database answered ${String(code)}`;
}
