import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { batches } from './batches';
import { droid } from './droid';
import { sync } from './sync';
import { freshImport } from './fresh-import';
import { httpLayer } from './http-layer';
import { openLoop } from './open-loop';
import { PARTS, type Bench, type Part, type Plan } from './parts';
import { projections } from './projections';
import { reads } from './reads';
import { relay } from './relay';
import { markdown, type Finding } from './report';
import { replicas } from './replicas';
import { reservations } from './reservations';
import { scans } from './scans';
import { openStage } from './stage';
import { telemetry } from './telemetry';

const HELP = `npm run bench -- [options]: the bars of performance.md as ratios, our peers inside the run.

  --only PARTS     of ${PARTS.join(', ')}; several with commas (default: all)
  --rounds N       rounds that count (default 8; 3 with --quick)
  --quick          short turns and few tickets, for a look; its results are not written down
  --tickets N      tickets behind the scans (default 300000; 50000 with --quick): enough that few are scanned at many lists;
                   as many sold places, and events in the history, behind the reservations
  --sizes A,B,…    tickets between which costs are compared (default 10000,100000,1000000; 10000,50000 with --quick)
  --data FOLDER    keeps PostgreSQL and its tickets there, so that the next run need not import them (default: thrown away);
                   a ticket scanned at many lists costs more, so take a new one after a few runs
  --cpu-prof DIR   writes CPU profiles of our servers there
`;

/** The parts that share their rounds. */
const BENCHES: readonly (readonly [readonly Part[], Bench])[] = [
  [['P1'], httpLayer],
  [['P2', 'P3', 'P4'], scans],
  [['P5'], openLoop],
  [['P6'], reservations],
  [['P7'], projections],
  [['P8'], batches],
  [['P9'], relay],
  [['P10'], freshImport],
  [['reads'], reads],
  [['telemetry'], telemetry],
  [['replicas'], replicas],
  [['droid'], droid],
  [['sync'], sync],
];

/** Results kept between runs of single parts, with the time and conditions of their measurement. */
type Results = Record<string, { measured: string; rounds: number; tickets: number; findings: readonly Finding[] }>;

const FOLDER = path.join(__dirname, '..');
const JSON_FILE = path.join(FOLDER, 'results.json');
const MARKDOWN_FILE = path.join(FOLDER, 'results.md');

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      tickets: { type: 'string' },
      sizes: { type: 'string' },
      data: { type: 'string' },
      'cpu-prof': { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void process.stdout.write(HELP);
  const { quick } = values;
  const asked = values.only?.split(',') ?? [...PARTS];
  const unknown = asked.filter((part) => !PARTS.includes(part as Part));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}, but ${PARTS.join(', ')}`);
  const plan: Plan = {
    parts: new Set(asked as Part[]),
    rounds: natural(values.rounds, quick ? 3 : 8),
    turnMs: quick ? 700 : 2_000,
    tickets: natural(values.tickets, quick ? 50_000 : 300_000),
    sizes: (values.sizes?.split(',') ?? (quick ? ['10000', '50000'] : ['10000', '100000', '1000000'])).map((size) =>
      natural(size, 0),
    ),
  };
  const profile = values['cpu-prof'];
  const stage = await openStage({
    folder: values.data === undefined ? undefined : path.resolve(values.data),
    nodeFlags: profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${path.resolve(profile)}`],
  });
  // Ctrl-C ends the children, too; PostgreSQL has a session of its own.
  process.once('SIGINT', () => void stage.close().finally(() => process.exit(130)));
  const results = readResults();
  const found: Finding[] = [];
  try {
    for (const [parts, bench] of BENCHES) {
      const wanted = parts.filter((part) => plan.parts.has(part));
      if (wanted.length === 0) continue;
      process.stderr.write(`${wanted.join(', ')} …\n`);
      const findings = await bench(stage, plan);
      found.push(...findings);
      // New results replace older ones of the same parts.
      for (const name of Object.keys(results)) {
        if (name.split(', ').every((part) => wanted.includes(part as Part))) delete results[name];
      }
      results[wanted.join(', ')] = {
        measured: new Date().toISOString().slice(0, 16),
        rounds: plan.rounds,
        tickets: plan.tickets,
        findings,
      };
      process.stdout.write(`\n${markdown(findings)}\n`);
    }
  } finally {
    await stage.close();
  }
  if (found.length > 0) process.stdout.write(`\n${markdown(found.filter((finding) => finding.kind === 'bar'))}`);
  if (quick) return;
  writeFileSync(JSON_FILE, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(MARKDOWN_FILE, page(results));
}

function readResults(): Results {
  return existsSync(JSON_FILE) ? (JSON.parse(readFileSync(JSON_FILE, 'utf8')) as Results) : {};
}

function page(results: Results): string {
  const [cpu] = cpus();
  const parts = Object.entries(results).map(
    ([name, { measured, rounds, tickets, findings }]) =>
      `## ${name}\n\nMeasured ${measured} UTC: ${rounds} rounds, ${tickets} tickets.\n\n${markdown(findings)}`,
  );
  return `# Results of \`npm run bench\`\n\nWritten by the bench. Node ${process.version}, ${cpus().length} cores (${cpu?.model ?? 'unknown'}), PostgreSQL and load generator on the same machine.\n\n${parts.join('\n')}`;
}

function natural(text: string | undefined, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${text} is not a positive number`);
  return Number(text);
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  process.exit(1);
});
