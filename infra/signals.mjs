import { readdirSync, readFileSync } from 'node:fs';

/**
 * Ctrl-C comes twice under npm: the terminal sends it to everybody, and npm passes it on; a terminal that is closed sends SIGHUP as its
 * shell does. The echo must not count as "now, at once".
 */
export function ignoreRepeatedSignals() {
  const echoMs = 500;
  const heard = new Map();
  const emit = process.emit;
  process.emit = function (name, ...rest) {
    if (name === 'SIGINT' || name === 'SIGTERM' || name === 'SIGHUP') {
      const before = heard.get(name) ?? -Infinity;
      heard.set(name, performance.now());
      if (performance.now() - before < echoMs) return true;
    }
    return emit.call(this, name, ...rest);
  };
}

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
