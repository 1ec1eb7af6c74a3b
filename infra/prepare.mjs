/*
 * What has to be done before anything runs: dependencies installed, sources built. It knows only Node itself, because in a
 * fresh clone there is nothing else, and costs some 30 ms when there is nothing to do.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Runs `npm ci` when node_modules is missing or is not what package-lock.json says; ends the process when that fails. */
export function install(folder = root) {
  const reason = whyInstall(folder);
  if (reason === null) return;
  say(`Installing the dependencies (npm ci), because ${reason}.`);
  const npm = process.env['npm_execpath'];
  const flags = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  const [command, args] = npm?.endsWith('.js') ? [process.execPath, [npm, ...flags]] : ['npm', flags];
  if (run(command, args, folder)) return;
  say('The dependencies could not be installed.');
  process.exit(1);
}

/** npm keeps what it installed in node_modules/.package-lock.json; null when that agrees with package-lock.json. */
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

/** Runs `tsc -b` when a source has changed since the last build; false when that fails. */
export function build(folder = root) {
  const stamp = path.join(folder, 'node_modules', '.cache', 'gatehouse', 'built');
  const projects = projectsOf(folder);
  const sources = hashOf(folder, projects);
  const built = existsSync(stamp) && readFileSync(stamp, 'utf8') === sources;
  const complete = projects.every((project) => existsSync(path.join(project, 'dist', '.tsbuildinfo')));
  if (built && complete) return true;
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

/** Of contents, not of times: a checkout or a copy changes times only. */
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

function run(command, args, folder) {
  // What they print goes to stderr as well: stdout belongs to the program that is prepared.
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: ['inherit', 2, 'inherit'] });
  if (error) say(error.message);
  return status === 0;
}

/** To stderr: what a command prints stays its own. */
function say(sentence) {
  process.stderr.write(`${sentence}\n`);
}
