import { readlinkSync } from 'node:fs';
import { setPriority } from 'node:os';
import { basename } from 'node:path';

/** As much more than others (0) as Linux's `nice` gives by default. */
const PATIENT = 10;

/**
 * Lets whatever answers requests on this machine run before the thread that calls this: nobody stands at a gate for what it does.
 * Linux has priorities of single threads; elsewhere it stays as it is, since the number of the process would mean all of it.
 */
export function giveWay(): void {
  if (process.platform !== 'linux') return;
  try {
    setPriority(Number(basename(readlinkSync('/proc/thread-self'))), PATIENT);
  } catch {
    // A container may forbid it.
  }
}
