import { readdir, readFile, readlink, realpath, rm, stat } from 'node:fs/promises';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { isCode } from './system-error';

/** The PostgreSQL server of `postmaster.pid`: its process, its port, and its own state (`starting`, `ready`, `stopping`). */
export type Postmaster = { readonly pid: number; readonly port: number; readonly status: string };

/** The server that runs on a cluster; null when there is none, whatever a stale `postmaster.pid` says. */
export async function runningPostmaster(cluster: string): Promise<Postmaster | null> {
  const lines = (await readFile(path.join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const pid = Number(lines[0]);
  if (!(pid > 0) || !(await isServerOf(pid, cluster))) return null;
  return { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? 'starting' };
}

/** Whether the process exists. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return isCode(error, 'EPERM');
  }
}

/**
 * PostgreSQL refuses to start when the process id in `postmaster.pid` belongs to another process now (after a reboot, in a
 * container, as a zombie). Such a file is removed, but only when no process uses the cluster: the file also protects
 * against processes that outlive their killed postmaster.
 */
export async function removeStalePidFile(cluster: string): Promise<void> {
  const file = path.join(cluster, 'postmaster.pid');
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0]);
  if (!(pid > 0) || !isAlive(pid) || (await isServerOf(pid, cluster))) return;
  if (await someoneWorksIn(cluster)) return;
  await rm(file, { force: true });
}

/**
 * A server's working directory is its cluster's folder, even after the folder is moved: this distinguishes it from any
 * other process.
 */
async function isServerOf(pid: number, cluster: string): Promise<boolean> {
  if (!isAlive(pid)) return false;
  if (process.platform === 'linux') {
    const folder = await readlink(`/proc/${pid}/cwd`).catch(() => null);
    return folder !== null && (await isSameFolder(folder, cluster));
  }
  try {
    // A zombie is shown as <defunct> and counts as dead.
    return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' }).includes('postgres');
  } catch {
    return false;
  }
}

async function isSameFolder(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([stat(one).catch(() => null), stat(other).catch(() => null)]);
  if (a && b) return a.dev === b.dev && a.ino === b.ino;
  return one === (await realpath(other).catch(() => other));
}

async function someoneWorksIn(cluster: string): Promise<boolean> {
  if (process.platform !== 'linux') return false;
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  for (const pid of pids) if (await isServerOf(Number(pid), cluster)) return true;
  return false;
}
