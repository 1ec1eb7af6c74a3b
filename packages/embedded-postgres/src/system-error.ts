/** Why the embedded PostgreSQL cannot start, as a sentence for a person: what is wrong and what to do. */
export class CannotStart extends Error {
  override name = 'CannotStart';
}

/** Whether a thrown value has this code: a system error's (`ENOENT`, …) or PostgreSQL's SQLSTATE. */
export function isCode(error: unknown, code: string): boolean {
  return hasKey(error, 'code') && error.code === code;
}

/** Whether a thrown value comes from the operating system. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return hasKey(error, 'syscall') && hasKey(error, 'code');
}

/** Not `instanceof Error`: under jest the system's errors come from another realm. */
function hasKey<K extends string>(error: unknown, key: K): error is Record<K, unknown> {
  return typeof error === 'object' && error !== null && key in error;
}

/** A system error as text, with advice about the data folder. */
export function adviceOn(cause: unknown): string {
  if (isCode(cause, 'EACCES') || isCode(cause, 'EPERM') || isCode(cause, 'EROFS')) {
    return 'Set GATEHOUSE_DATA to a folder that this user may write to, or start Gatehouse as the user who owns this one.';
  }
  if (isCode(cause, 'ENOSPC')) return 'Make room on it, and start Gatehouse again.';
  return 'Set GATEHOUSE_DATA to a folder of its own.';
}

/** A system error as text. */
export function reasonOf(cause: unknown): string {
  if (isCode(cause, 'EACCES') || isCode(cause, 'EPERM')) return 'permission denied';
  if (isCode(cause, 'ENOSPC')) return 'no space is left on the disk';
  if (isCode(cause, 'EROFS')) return 'the file system is read-only';
  if (isCode(cause, 'ENOTDIR') || isCode(cause, 'EEXIST')) return 'a file is in the way';
  return hasKey(cause, 'message') ? String(cause.message) : String(cause);
}
