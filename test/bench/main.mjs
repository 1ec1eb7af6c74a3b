/*
 * npm run bench: prepares, compiles this folder, and becomes the bench. Compiled and not run from source, so that every
 * process that is measured runs what `npm start` runs.
 */
import { spawnSync } from 'node:child_process';
import Module from 'node:module';
import path from 'node:path';
import { build, install, root } from '../../infra/prepare.mjs';

install();
const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
const compile = () =>
  spawnSync(process.execPath, [tsc, '-p', path.join(root, 'test', 'bench')], { stdio: ['ignore', 2, 2] });
if (!build() || compile().status !== 0) {
  process.stderr.write('The bench could not be built.\n');
  process.exit(1);
}
process.argv[1] = path.join(root, 'test', 'bench', 'dist', 'bench.js');
Module.runMain();
