import { CannotDo, type Scope } from '@gatehouse/reference/credentials';
import { Refused } from './run-command';
import type { Session } from './session';

/* Shared by the commands for tokens, devices and droid keys. */

export const scopeOf = (events: string[] | undefined): Scope =>
  events === undefined
    ? { all_events: true, limit_events: [] }
    : { all_events: false, limit_events: [...events].sort() };

/** A table with columns as wide as their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  return [head, ...rows].map((cells) => `${line(cells)}\n`).join('');
}

/** Prints the result of a revocation. */
export function revoked(what: string, outcome: 'unknown' | 'ended' | 'was ended'): void {
  if (outcome === 'unknown') throw new Refused(`There is no ${what}.`);
  process.stdout.write(outcome === 'ended' ? `The ${what} is revoked.\n` : `The ${what} was revoked already.\n`);
}

/** Waits until the gates have applied what was written, if any are running. */
export async function untilApplied(session: Session): Promise<void> {
  const missing = await session.factsApplied();
  if (missing === 'relay') {
    process.stderr.write('No relay of reference is running, or Kafka is away; the gates will know this afterwards.\n');
  } else if (missing === 'gates') {
    process.stderr.write('No Gatehouse is running on this database; it will know this when it starts.\n');
  }
}

/** Prints a CannotDo as a sentence instead of a stack. */
export async function refusing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof CannotDo) throw new Refused(`${error.message}.`);
    throw error;
  }
}
