import { spawnSync } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { CannotStart } from './system-error';

/** The user that runs PostgreSQL: ours, or another one, because PostgreSQL refuses to run as root. */
export type ServerUser =
  | { readonly kind: 'self'; readonly name: string }
  | { readonly kind: 'other'; readonly name: string; readonly uid: number; readonly gid: number };

/** The user for a cluster: the owner of an existing one, else `postgres`, else `nobody` when we are root; ourselves otherwise. */
export async function serverUser(cluster: string | null): Promise<ServerUser> {
  if (process.getuid?.() !== 0) return { kind: 'self', name: 'of this process' };
  const owner = cluster === null ? null : await stat(cluster).catch(() => null);
  if (owner && owner.uid !== 0)
    return { kind: 'other', name: `with the id ${owner.uid}`, uid: owner.uid, gid: owner.gid };
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = [idOf(name, '-u'), idOf(name, '-g')];
    if (uid && gid) return { kind: 'other', name, uid, gid };
  }
  throw new CannotStart(
    'PostgreSQL does not run as root, and this machine has neither a user "postgres" nor a user "nobody" to run it as. ' +
      'Start Gatehouse as an ordinary user, or name a PostgreSQL of your own in DATABASE_URL.',
  );
}

function idOf(name: string, flag: '-u' | '-g'): number {
  return Number(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout?.trim());
}

/** The options with which `spawn` starts a program as that user. */
export function identity(user: ServerUser): { uid?: number; gid?: number } {
  return user.kind === 'self' ? {} : { uid: user.uid, gid: user.gid };
}

/** Whether the user can enter a folder; tried by a command, since modes alone do not decide (ACLs, mounts). */
export function canEnter(user: ServerUser, folder: string): boolean {
  if (user.kind === 'self') return true;
  return spawnSync('/bin/sh', ['-c', 'test -x "$1"', 'sh', folder], { cwd: '/', ...identity(user) }).status === 0;
}

/** Whether the user can start a program, including its libraries. */
export function canRun(user: ServerUser, program: string): boolean {
  return spawnSync(program, ['--version'], { cwd: '/', ...identity(user) }).status === 0;
}
