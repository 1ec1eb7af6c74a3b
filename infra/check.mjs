/*
 * npm run check: all static checks of the sources, in two lanes that run beside each other and take about as long. A step's
 * output is shown if it failed, or with --verbose.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { install, root } from './prepare.mjs';

const bin = (name, file) => path.join(root, 'node_modules', name, file);
const own = (file) => path.join(root, 'infra', file);

const lanes = [
  [['lint, and types of sources and tests', own('lint.mjs'), []]],
  [
    ['build', own('build.mjs'), []],
    // Of what is built.
    ['published events', own('event-docs.mjs'), ['--check']],
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
    ['docker-compose.yml', own('check-compose.mjs'), []],
    ['lock file', own('check-lockfile.mjs'), []],
  ],
];

install();
const failed = [];
await Promise.all(lanes.map(inTurn));
console.log(failed.length === 0 ? 'All checks passed.' : `Failed: ${failed.join(', ')}.`);
process.exitCode = failed.length === 0 ? 0 : 1;

async function inTurn(steps) {
  for (const step of steps) await run(step);
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
