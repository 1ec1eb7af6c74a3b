import Module from 'node:module';
import path from 'node:path';
import { build, install, root } from './prepare.mjs';

/** Prepares, then runs the built program in this same process, so that signals, terminal and exit code are the program's. */
export function runBuilt(main, args) {
  install();
  if (!build()) {
    process.stderr.write('The sources could not be built.\n');
    process.exit(1);
  }
  process.argv = [process.execPath, path.join(root, main), ...args];
  Module.runMain();
}
