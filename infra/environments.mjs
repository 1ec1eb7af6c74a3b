/*
 * npm run environments -- [--quick] [NAME …]: starts Gatehouse in unusual environments. Each row describes one and the
 * expected result: it starts and scans a ticket, or it ends with one sentence that says what to do. --quick: only the rows
 * that run in this folder, without a clone of their own.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { build, install, root } from './prepare.mjs';

const asRoot = process.getuid?.() === 0;
const STRANGER = { uid: 65_534, gid: 65_534 };
const PATIENCE_MS = 180_000;
const SCANS = 'starts and scans';

const temp = mkdtempSync(path.join(tmpdir(), 'gatehouse-environments-'));
chmodSync(temp, 0o755);

/** The environments and their expected results. `prepare` returns what is known only after it has run. */
const rows = [
  [
    'variables meant for other databases',
    SCANS,
    {
      env: {
        PGHOST: 'nowhere.invalid',
        PGPORT: '1',
        PGUSER: 'x',
        PGPASSWORD: 'x',
        PGDATABASE: 'x',
        PGSSLMODE: 'verify-full',
        PGOPTIONS: '-c search_path=nowhere',
        PGSERVICE: 'x',
        PGAPPNAME: 'x',
        PGCLIENT_ENCODING: 'LATIN1',
        NODE_PG_FORCE_NATIVE: '1',
      },
    },
  ],
  ['odd time zone and language', SCANS, { env: { TZ: 'Not/AZone', LANG: 'xx_YY.UTF-9', LC_ALL: 'tr_TR.ISO-8859-9' } }],
  [
    'no HOME, and no folder for temporary files',
    SCANS,
    { env: { HOME: undefined, TMPDIR: path.join(temp, 'not there') } },
  ],
  [
    'production, and options of Node',
    SCANS,
    { env: { NODE_ENV: 'production', NODE_OPTIONS: '--enable-source-maps --max-old-space-size=512' } },
  ],
  ['a relative data folder with blanks and letters', SCANS, { data: 'dätä  földer 東京', relative: true }],
  ['umask 077', SCANS, { umask: '077' }],
  ['every address of IPv6', SCANS, { env: { HOST: '::' } }],
  [
    'a HOST of another machine',
    /HOST is 203\.0\.113\.7, which is no address of this machine: set it/,
    { env: { HOST: '203.0.113.7' } },
  ],
  [
    'a HOST that nobody knows',
    /HOST is gate\.invalid, which is no address of this machine: set it/,
    { env: { HOST: 'gate.invalid' } },
  ],
  ['a PORT that is taken', /Port \d+ of 127\.0\.0\.1 is in use: set PORT to another one/, { prepare: takenPort }],
  [
    'a METRICS_PORT that is taken',
    /METRICS_PORT cannot be used/,
    { prepare: async () => ({ env: { METRICS_PORT: (await takenPort()).env.PORT } }) },
  ],
  [
    'a database that cannot be reached',
    /cannot be used: no connection can be made/,
    { env: { DATABASE_URL: 'postgresql://x:x@127.0.0.1:1/x' } },
  ],
  [
    'a data folder of another major version',
    /are of PostgreSQL 15, and this release of Gatehouse brings PostgreSQL \d+: dump the database/,
    {
      prepare: (data) => {
        remember(data);
        mkdirSync(path.join(data, 'postgres'));
        writeFileSync(path.join(data, 'postgres/PG_VERSION'), '15\n');
      },
    },
  ],
  [
    'a damaged postgres.json',
    /postgres\.json, which holds the database's password, is damaged: restore it from a backup/,
    {
      prepare: (data) => {
        mkdirSync(data);
        writeFileSync(path.join(data, 'postgres.json'), '{"password":');
      },
    },
  ],
  [
    'a damaged cluster',
    /PostgreSQL could not start: .*If its files in .* are damaged, restore them from a backup/,
    { prepare: damagedCluster },
  ],
  [
    'a file where the data folder should be',
    /a file is in the way.*Set GATEHOUSE_DATA to a folder of its own/,
    { prepare: (data) => writeFileSync(data, '') },
  ],
  [
    'a data folder of another user',
    /permission denied.*Set GATEHOUSE_DATA to a folder that this user may write to/,
    { prepare: (data) => mkdirSync(data, { mode: 0o755 }), stranger: true },
  ],
  [
    'a cluster of another user',
    /postgres\.json.*cannot be read: permission denied.*Start Gatehouse as the user who started it the first time/,
    {
      prepare: (data) => {
        remember(data);
        chmodSync(data, 0o777);
      },
      stranger: true,
    },
  ],
  [
    'another user than the one who installed it',
    SCANS,
    {
      prepare: (data) => {
        mkdirSync(data);
        chownSync(data, STRANGER.uid, STRANGER.gid);
      },
      stranger: true,
    },
  ],
  ['a full disk', /[Nn]o space (is )?left on/, { prepare: smallDisk, needs: 'root' }],
  ['no database of that name', /there is no such database; create it/, { prepare: () => ownServer(null) }],
  [
    'a database in LATIN1',
    /its encoding is LATIN1/,
    { prepare: () => ownServer(`encoding 'LATIN1' locale_provider libc locale 'C' template template0`) },
  ],
  [
    'a pooler in transaction mode',
    /set pool_mode = session in pgbouncer/,
    { prepare: () => pooled('transaction'), needs: 'pgbouncer' },
  ],
  ['a pooler in session mode', SCANS, { prepare: () => pooled('session'), needs: 'pgbouncer' }],

  [
    'a fresh clone in production',
    SCANS,
    {
      clone: { modules: false },
      env: {
        NODE_ENV: 'production',
        npm_config_omit: 'dev,optional',
        npm_config_production: 'true',
        npm_config_ignore_scripts: 'true',
      },
    },
  ],
  ['a clone whose path has blanks and letters', SCANS, { clone: { name: "Größe & 'fest' 東京" } }],
  ['a symbolic link to a clone', SCANS, { clone: { link: true } }],
  ['a subfolder of a clone', SCANS, { clone: { folder: 'services/all-in-one/src' } }],
  ['a clone for its owner only', SCANS, { clone: { mode: 'go-rwx' }, umask: '077' }],
  [
    'a clone that is built and cannot be written',
    SCANS,
    {
      clone: { built: true },
      prepare: (data) => {
        mkdirSync(data);
        chownSync(data, STRANGER.uid, STRANGER.gid);
      },
      stranger: true,
    },
  ],
  [
    'the same without a data folder elsewhere',
    /permission denied.*Set GATEHOUSE_DATA to a folder that this user may write to/,
    { clone: { built: true }, env: { GATEHOUSE_DATA: undefined }, stranger: true },
  ],
  [
    'a clone that is not built and cannot be written',
    /not built, and this user may not write to .*: run "npm start" there once as its owner/,
    { clone: {}, stranger: true },
  ],
  [
    'a clone without anything that cannot be written',
    /[Nn]ode_modules is missing, and this user may not write to/,
    { clone: { modules: false }, stranger: true },
  ],
].map(([name, outcome, more = {}]) => ({ name, outcome, ...more }));

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false } },
  allowPositionals: true,
});
install();
if (!build()) process.exit(1);
const { startEmbedded } = await import('../packages/embedded-postgres/dist/start-embedded.js');
const { default: pg } = await import('pg');

const undo = [];
const failed = [];
for (const row of rows) {
  if (values.quick && row.clone) continue;
  if (positionals.length > 0 && !positionals.some((part) => row.name.includes(part))) continue;
  const missing = whyNot(row);
  if (missing) {
    console.log(`skip   ${row.name}: ${missing}`);
    continue;
  }
  const startedMs = performance.now();
  const problem = await tried(row).catch((error) => error.stack);
  for (let work = undo.pop(); work; work = undo.pop()) await work();
  console.log(
    `${problem ? 'FAILED' : 'ok    '} ${row.name} (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`,
  );
  if (problem) {
    failed.push(row.name);
    console.log(problem.replace(/^/gm, '       '));
  }
}
rmSync(temp, { recursive: true, force: true });
console.log(failed.length === 0 ? 'Right in every environment.' : `Not right: ${failed.join('; ')}.`);
process.exit(failed.length === 0 ? 0 : 1);

function whyNot({ stranger, needs }) {
  if ((stranger || needs === 'root') && !asRoot) return 'only root can try this';
  if (needs === 'pgbouncer' && spawnSync('pgbouncer', ['--version']).status !== 0) return 'pgbouncer is not installed';
  return null;
}

/** The difference from the expected result; null when there is none. */
async function tried(row) {
  const place = mkdtempSync(path.join(temp, 'row-'));
  chmodSync(place, 0o755);
  const data = path.join(place, row.data ?? 'data');
  const prepared = (await row.prepare?.(data)) ?? {};
  const folder = row.clone ? cloneFor(row.clone, place) : root;
  undo.push(() => forgetCluster(data));
  const env = {
    PATH: process.env.PATH,
    HOME: row.stranger ? place : process.env.HOME,
    npm_config_update_notifier: 'false',
    npm_config_cache: row.stranger ? path.join(tmpdir(), 'gatehouse-environments-npm') : undefined,
    PORT: '0',
    GATEHOUSE_DATA: row.relative ? path.relative(folder, data) : data,
    ...row.env,
    ...prepared.env,
  };
  const command = `${row.umask ? `umask ${row.umask}; ` : ''}exec npm start`;
  const child = spawn('/bin/sh', ['-c', command], {
    cwd: folder,
    env: Object.fromEntries(Object.entries(env).filter(([, value]) => value !== undefined)),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(row.stranger ? STRANGER : {}),
  });
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.setEncoding('utf8').on('data', (text) => (said += text));
  const ended = once(child, 'close');
  const tooLong = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), PATIENCE_MS);
  let scanned;
  if (row.outcome === SCANS) {
    while (child.exitCode === null && !/redeem\/\n/.test(said)) await sleep(50);
    scanned = child.exitCode === null ? await scanTwice(said) : 'it has ended';
    if (child.exitCode === null) process.kill(-child.pid, 'SIGTERM');
  }
  const [code, signal] = await ended;
  clearTimeout(tooLong);
  const words = `\nIt ended with ${code ?? signal} and said:\n${said}`;
  if (/^ +at .*(:\d+\)?$)/m.test(said)) return `There is a stack trace.${words}`;
  if (serverOf(path.join(data, 'postgres'))) return `PostgreSQL was left behind.${words}`;
  // npm may end by the signal itself.
  const stopped = code === 0 || signal === 'SIGTERM';
  if (row.outcome === SCANS) return scanned === '201 400' && stopped ? null : `Scanned twice: ${scanned}.${words}`;
  return row.outcome.test(said) && code === 1 ? null : `It should have said ${row.outcome}.${words}`;
}

/** Uses the commands printed in the banner, so that they are tested, too. */
async function scanTwice(said) {
  const token = /Authorization: Token (\w+)/.exec(said)[1];
  const url = /(http:\S+\/redeem\/)/.exec(said)[1];
  const statuses = [];
  for (let n = 0; n < 2; n++) {
    const answer = await fetch(url, { method: 'POST', headers: { Authorization: `Token ${token}` } });
    statuses.push(answer.status);
  }
  return statuses.join(' ');
}

function cloneFor({ modules = true, built = false, mode, link, name = 'clone', folder = '' }, place) {
  const clone = path.join(place, name);
  run('git', ['-c', 'advice.detachedHead=false', 'clone', '--quiet', '--no-hardlinks', root, clone]);
  if (modules) takeModules(clone, mode !== undefined);
  if (built) run(process.execPath, [path.join(clone, 'infra/gatehouse.mjs'), '--help']);
  if (mode) run('chmod', ['-R', mode, clone]);
  undo.push(() => rmSync(clone, { recursive: true, force: true }));
  if (!link) return path.join(clone, folder);
  symlinkSync(clone, path.join(place, 'link'));
  return path.join(place, 'link');
}

/** Copies the installed modules, by hard links if possible and if no row changes the files. */
function takeModules(clone, own) {
  const [from, to] = [root, clone].map((folder) => path.join(folder, 'node_modules'));
  const linked = !own && spawnSync('cp', ['-al', from, to]).status === 0;
  if (!linked) {
    rmSync(to, { recursive: true, force: true });
    run('cp', ['-a', from, to]);
  }
  rmSync(path.join(to, '.cache'), { recursive: true, force: true });
}

function run(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stdout}${stderr}`);
}

async function takenPort() {
  const squatter = createServer();
  squatter.listen(0, '127.0.0.1');
  await once(squatter, 'listening');
  undo.push(() => squatter.close());
  return { env: { PORT: String(squatter.address().port) } };
}

function remember(data) {
  mkdirSync(data);
  writeFileSync(path.join(data, 'postgres.json'), JSON.stringify({ password: 'x', port: 1, cluster: 'postgres' }), {
    mode: 0o600,
  });
}

/** As root PostgreSQL's files may be in another folder, and a server of a failed row must not stay. */
async function forgetCluster(data) {
  const file = path.join(data, 'postgres.json');
  if (!existsSync(file)) return;
  const { cluster } = /^\{"password":$/.test(readFileSync(file, 'utf8')) ? {} : JSON.parse(readFileSync(file, 'utf8'));
  const pid = serverOf(path.resolve(data, cluster ?? 'postgres'));
  if (pid) process.kill(pid, 'SIGQUIT');
  if (cluster?.startsWith('/var/lib/gatehouse-')) rmSync(path.dirname(cluster), { recursive: true, force: true });
}

/** The process of the server that still runs on a cluster. */
function serverOf(cluster) {
  const pidFile = path.join(cluster, 'postmaster.pid');
  const pid = existsSync(pidFile) ? Number(readFileSync(pidFile, 'utf8').split('\n')[0]) : 0;
  try {
    return pid > 0 && process.kill(pid, 0) ? pid : null;
  } catch {
    return null;
  }
}

async function damagedCluster(data) {
  const server = await startEmbedded({ dataFolder: data, log: () => undefined });
  await server.stop();
  writeFileSync(path.join(data, 'postgres/global/pg_control'), '');
}

function smallDisk(data) {
  mkdirSync(data);
  run('mount', ['-t', 'tmpfs', '-o', 'size=30m,mode=755', 'none', data]);
  undo.push(() => run('umount', ['-l', data]));
}

/** A PostgreSQL of the user's own, with a database created by this SQL; null creates none. */
async function ownServer(making) {
  const dataFolder = mkdtempSync(path.join(temp, 'server-'));
  chmodSync(dataFolder, 0o755);
  const server = await startEmbedded({ dataFolder, log: () => undefined, settings: { fsync: 'off' } });
  undo.push(() => server.stop());
  const url = new URL(server.url);
  url.pathname = '/festival';
  if (making !== null) {
    const client = new pg.Client(server.url);
    await client.connect();
    await client.query(`create database festival ${making}`);
    await client.end();
  }
  return { env: { DATABASE_URL: url.href } };
}

/** As in operations.md: enough connections for a process. */
async function pooled(mode) {
  const { env } = await ownServer('');
  const url = new URL(env.DATABASE_URL);
  const folder = mkdtempSync(path.join(temp, 'pooler-'));
  const { env: port } = await takenPort();
  // Frees the port for the pooler.
  await undo.pop()();
  const settings = {
    listen_addr: '127.0.0.1',
    listen_port: port.PORT,
    unix_socket_dir: '',
    auth_type: 'plain',
    auth_file: path.join(folder, 'users'),
    pool_mode: mode,
    default_pool_size: 40,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  writeFileSync(
    path.join(folder, 'ini'),
    `[databases]\n* = host=${url.hostname} port=${url.port}\n[pgbouncer]\n${lines.join('')}`,
  );
  writeFileSync(settings.auth_file, `"${url.username}" "${url.password}"\n`);
  chmodSync(folder, 0o755);
  // pgbouncer does not run as root.
  const child = spawn('pgbouncer', [path.join(folder, 'ini')], { stdio: 'ignore', ...(asRoot ? STRANGER : {}) });
  undo.push(() => child.kill('SIGKILL'));
  await sleep(500);
  url.port = port.PORT;
  return { env: { DATABASE_URL: url.href } };
}
