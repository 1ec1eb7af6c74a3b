import { readdirSync, readFileSync } from 'node:fs';

/** CPU-milliseconds that a living process has used, all its threads, by the kernel's own count in nanoseconds (Linux). */
export function cpuMsOf(pid: number): number {
  let ns = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    ns += Number(textOf(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0] ?? 0);
  }
  return ns / 1e6;
}

const TICK_MS = 10;

/** The same for a PostgreSQL: postmaster, its running processes, and those that have ended (autovacuum). */
export function postgresCpuMs(postmaster: number): number {
  let ms = cpuMsOf(postmaster);
  for (const name of readdirSync('/proc')) {
    const pid = /^\d+$/.test(name) ? Number(name) : 0;
    if (pid > 0 && fieldsOf(pid)[1] === String(postmaster)) ms += cpuMsOrGone(pid);
  }
  const [, , , , , , , , , , , , , endedUser = '0', endedSystem = '0'] = fieldsOf(postmaster);
  return ms + (Number(endedUser) + Number(endedSystem)) * TICK_MS;
}

/** The parent of a process. */
export const parentOf = (pid: number): number => Number(fieldsOf(pid)[1]);

/** Resident memory in MB: current and peak. */
export function memoryOf(pid: number): { nowMb: number; peakMb: number } {
  const status = textOf(`/proc/${pid}/status`);
  const mb = (name: string) => Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024);
  return { nowMb: mb('VmRSS'), peakMb: mb('VmHWM') };
}

function cpuMsOrGone(pid: number): number {
  try {
    return cpuMsOf(pid);
  } catch {
    return 0;
  }
}

/** The fields of /proc/<pid>/stat behind the name, which may hold spaces: state, parent, … */
const fieldsOf = (pid: number): string[] => {
  const stat = textOf(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
};

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
