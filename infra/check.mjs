/*
 * npm run check: all static checks of the sources. Two steps run at a time; a step's output is shown if it failed, or with
 * --verbose.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { build, install, root } from './prepare.mjs';

const bin = (name, file) => path.join(root, 'node_modules', name, file);

/** The longest first, so that both lanes end at about the same time. */
const steps = [
  ['lint', bin('eslint', 'bin/eslint.js'), ['.', '--max-warnings=0']],
  ['types of sources and tests', bin('typescript', 'bin/tsc'), ['-p', 'tsconfig.check.json']],
  [
    'format',
    bin('prettier', 'bin/prettier.cjs'),
    ['--check', '--log-level=warn', '--cache', '--cache-strategy=content', '.'],
  ],
  [
    'dependency rules',
    bin('dependency-cruiser', 'bin/dependency-cruise.mjs'),
    ['packages', 'services', 'test', '--output-type=err'],
  ],
  ['published events', path.join(root, 'infra', 'event-docs.mjs'), ['--check']],
  ['docker-compose.yml', path.join(root, 'infra', 'check-compose.mjs'), []],
  ['lock file', path.join(root, 'infra', 'check-lockfile.mjs'), []],
];

install();
const failed = build() ? [] : ['build'];
await Promise.all([lane(), lane()]);
console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function lane() {
  for (let step = steps.shift(); step; step = steps.shift()) await run(step);
}

function run([name, program, args]) {
  const started = performance.now();
  const child = spawn(process.execPath, [program, ...args], { cwd: root });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  return new Promise((resolve) => {
    child.on('close', (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      console.log(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds} s)`);
      if (code !== 0) failed.push(name);
      if (code !== 0 || process.argv.includes('--verbose')) console.log(output.trim());
      resolve();
    });
  });
}
