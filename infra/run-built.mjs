import Module from 'node:module';
import path from 'node:path';
import { build, install, root } from './prepare.mjs';

/** Prepares, then becomes the built program: the same process, so that signals, terminal and exit code are its own. */
export function runBuilt(main, args) {
  install();
  build();
  ignoreRepeatedSignals();
  process.argv = [process.execPath, path.join(root, main), ...args];
  Module.runMain();
}

/** Ctrl-C comes twice under npm: the terminal sends it to everybody, and npm passes it on. The echo must not count as "now, at once". */
function ignoreRepeatedSignals() {
  const echoMs = 500;
  const heard = new Map();
  const emit = process.emit;
  process.emit = function (name, ...rest) {
    if (name === 'SIGINT' || name === 'SIGTERM') {
      const before = heard.get(name) ?? -Infinity;
      heard.set(name, performance.now());
      if (performance.now() - before < echoMs) return true;
    }
    return emit.call(this, name, ...rest);
  };
}
