import { readdirSync, readFileSync } from 'node:fs';

/**
 * When this process is told to end, ends a test run and all processes that it started, which have sessions of their own and
 * would otherwise stay. Exits with the run's exit code.
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
          // It has ended already.
        }
      }
    });
  }
  child.on('exit', (code) => process.exit(code ?? 1));
}

/** The direct and indirect child processes of a process; empty without /proc. */
function descendantsOf(pid) {
  const children = new Map();
  for (const name of entriesOf('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = parentOf(name);
    children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const all = [...(children.get(pid) ?? [])];
  // Grows during the iteration.
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
    // The name before it may contain blanks and brackets.
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ')[1]);
  } catch {
    return 0;
  }
}
