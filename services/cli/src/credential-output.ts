import { CannotDo, type Scope } from '@gatehouse/reference/credentials';
import { Refused } from './run-command';
import type { Session } from './session';

/* What the commands about tokens, devices and droid keys have in common. */

export const scopeOf = (events: string[] | undefined): Scope =>
  events === undefined
    ? { all_events: true, limit_events: [] }
    : { all_events: false, limit_events: [...events].sort() };

/** Columns as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** Tells what a revocation did. */
export function revoked(what: string, outcome: 'unknown' | 'ended' | 'was ended'): void {
  if (outcome === 'unknown') throw new Refused(`There is no ${what}.`);
  process.stdout.write(outcome === 'ended' ? `The ${what} is revoked.\n` : `The ${what} was revoked already.\n`);
}

/** Waits until the gates know what was written, when any are running. */
export async function untilApplied(session: Session): Promise<void> {
  const missing = await session.factsApplied();
  if (missing === 'relay') {
    process.stderr.write('No relay of reference is running, or Kafka is away; the gates will know this afterwards.\n');
  } else if (missing === 'gates') {
    process.stderr.write('No Gatehouse is running on this database; it will know this when it starts.\n');
  }
}

/** What a command cannot do is printed as a sentence, not as a stack. */
export async function refusing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof CannotDo) throw new Refused(`${error.message}.`);
    throw error;
  }
}
