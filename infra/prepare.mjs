/*
 * Installs dependencies and builds sources before anything else runs. It uses only Node itself, because a fresh clone has
 * nothing else, and takes some 30 ms when nothing is to be done.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

const OLDEST_NODE = [20, 19];
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  fail(`Gatehouse needs Node ${OLDEST_NODE.join('.')} or later, and this is Node ${process.versions.node}.`);
}
// Variables of other programs: the database client would read them, some already when it is loaded, also in tests.
for (const name of Object.keys(process.env)) if (/^(PG[A-Z]|NODE_PG_)/.test(name)) delete process.env[name];

/** Runs `npm ci` when node_modules is missing or differs from package-lock.json; ends the process if that fails. */
export function install(folder = root) {
  const reason = whyInstall(folder);
  if (reason === null) return;
  mustBeWritable(folder, `${reason[0].toUpperCase()}${reason.slice(1)}`);
  say(`Installing the dependencies (npm ci), because ${reason}.`);
  const npm = process.env['npm_execpath'];
  const [command, args] = npm?.endsWith('.js') ? [process.execPath, [npm, ...NPM]] : ['npm', NPM];
  if (run(command, args, folder, npmEnvironment()) && whyInstall(folder) === null) return;
  fail('The dependencies could not be installed. What npm says of it is above.');
}

/** Whatever the user's npm settings are, all dependencies are needed, since the sources are built on this machine. */
const NPM = (
  'ci --include=dev --include=optional --include=peer --no-global --no-dry-run --package-lock --no-package-lock-only ' +
  '--install-strategy=hoisted --no-audit --no-fund --loglevel=error'
).split(' ');

/**
 * Without the settings that the flags above replace, about which npm would warn, and without the workspace in which npm was
 * called.
 */
function npmEnvironment() {
  const replaced =
    /^npm_config_(omit|include|production|only|also|global|location|dry_run|package_lock.*|install_strategy|legacy_bundling|global_style|.*workspace.*|prefix|local_prefix)$/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => name !== 'NODE_ENV' && !replaced.test(name)),
  );
}

function mustBeWritable(folder, reason) {
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    fail(
      `${reason}, and this user may not write to ${folder}: run "npm start" there once as its owner, or copy the folder.`,
    );
  }
}

/**
 * Compares node_modules/.package-lock.json, npm's record of what it installed, with package-lock.json; null when they
 * agree.
 */
export function whyInstall(folder) {
  const wanted = packagesOf(path.join(folder, 'package-lock.json'));
  const present = packagesOf(path.join(folder, 'node_modules', '.package-lock.json'));
  if (present === null) return 'node_modules is missing';
  for (const [name, entry] of Object.entries(wanted ?? {})) {
    if (!name.startsWith('node_modules/')) continue;
    const here = present[name];
    // Packages for other platforms are not installed.
    if (here === undefined && (entry.optional || entry.devOptional || entry.peer)) continue;
    if (here?.version !== entry.version || !existsSync(path.join(folder, name))) return 'package-lock.json has changed';
  }
  return null;
}

function packagesOf(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : null;
}

/** Runs `tsc -b` when a source has changed since the last build; false if it fails. */
export function build(folder = root) {
  const stamp = path.join(folder, 'node_modules', '.cache', 'gatehouse', 'built');
  const projects = projectsOf(folder);
  const sources = hashOf(folder, projects);
  const built = existsSync(stamp) && readFileSync(stamp, 'utf8') === sources;
  const complete = projects.every((project) => existsSync(path.join(project, 'dist', '.tsbuildinfo')));
  if (built && complete) return true;
  mustBeWritable(folder, complete ? 'The sources have changed' : 'The sources are not built');
  say(`Building (tsc -b), because ${complete ? 'the sources have changed' : 'dist is missing'}.`);
  const tsc = path.join(folder, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!run(process.execPath, [tsc, '-b'], folder)) return false;
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, sources);
  return true;
}

function projectsOf(folder) {
  const { references } = JSON.parse(readFileSync(path.join(folder, 'tsconfig.json'), 'utf8'));
  return references.map((reference) => path.join(folder, reference.path));
}

/** A hash of contents, not of times: a checkout or a copy changes only times. */
function hashOf(folder, projects) {
  const hash = createHash('sha256').update(process.version);
  const add = (file) => hash.update(path.relative(folder, file)).update('\0').update(readFileSync(file)).update('\0');
  for (const name of ['tsconfig.json', 'tsconfig.base.json', 'package-lock.json']) {
    if (existsSync(path.join(folder, name))) add(path.join(folder, name));
  }
  for (const project of projects) {
    add(path.join(project, 'tsconfig.json'));
    const files = readdirSync(path.join(project, 'src'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
      .map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
    files.sort().forEach(add);
  }
  return hash.digest('hex');
}

function run(command, args, folder, env = process.env) {
  // Their output goes to stderr as well: stdout belongs to the program that runs afterwards.
  const { status, error } = spawnSync(command, args, { cwd: folder, env, stdio: ['inherit', 2, 'inherit'] });
  if (error) say(error.message);
  return status === 0;
}

function fail(sentence) {
  say(sentence);
  process.exit(1);
}

/** On stderr, since stdout belongs to the program that runs afterwards. */
function say(sentence) {
  process.stderr.write(`${sentence}\n`);
}
