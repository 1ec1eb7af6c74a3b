import { readdirSync, readFileSync } from 'node:fs';

/**
 * Ends a run of tests, and all that it has started, when this process is told to end: servers have sessions of their own and would
 * stay. Becomes the exit code of the run.
 */
export function endTogether(child) {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      const started = descendantsOf(child.pid);
      child.kill(signal);
      for (const pid of started) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has ended meanwhile.
        }
      }
    });
  }
  child.on('exit', (code) => process.exit(code ?? 1));
}

/** The processes that a process has started, directly or not; none where there is no /proc. */
function descendantsOf(pid) {
  const children = new Map();
  for (const name of entriesOf('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const all = [...(children.get(pid) ?? [])];
  // Grows while it is gone through.
  for (const one of all) all.push(...(children.get(one) ?? []));
  return all;
}

function entriesOf(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function parentOf(pid) {
  try {
    // The name before it may hold blanks and brackets.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
  } catch {
    return 0;
  }
}
