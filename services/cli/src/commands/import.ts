import { resolve } from 'node:path';
import { NoExport } from '@gatehouse/reference/folder';
import { importFolder, ImportRunning, InvalidExport, type Progress } from '@gatehouse/reference/import';
import type { Report, Warning } from '@gatehouse/reference/report';
import type { Command } from 'commander';
import { number, progressLine, type ProgressLine } from '../progress-line';
import { Refused, type Run } from '../run-command';
import type { Session } from '../session';

/**
 * `import`: imports a pretix export as facts (import.md). Exit code 0 when all of it was imported, 1 when nothing was, 2
 * when `--skip-invalid` left something out.
 */
export function importCommand(program: Command, run: Run): void {
  program
    .command('import')
    .description('import a pretix export: a folder with organizer.json, or a folder of such folders')
    .argument('<folder>', 'the export')
    .option('--skip-invalid', 'import the rest when objects are invalid, and list what was left out')
    .option('--no-wait', 'end when all is written, without waiting until the gates know it')
    .action((folder: string, options: Options) => run((session) => runImport(session, resolve(folder), options)));
}

type Options = { skipInvalid?: boolean; wait: boolean };

async function runImport(session: Session, folder: string, { skipInvalid = false, wait }: Options): Promise<void> {
  const shown = progressLine();
  let phase: Progress['phase'] | 'told' = 'checking';
  try {
    const report = await importFolder({
      store: session.reference,
      pool: session.pool,
      folder,
      skipInvalid,
      onProgress(progress) {
        phase = progress.phase;
        shown.set(progress);
      },
      onProblem: (problem) => shown.above(`left out: ${problem}`),
    });
    shown.stop();
    phase = 'told';
    print(reportLines(report));
    if (report.events > 0 && wait) print([await takenOver(session, shown)]);
    if (report.problemCount > 0) process.exitCode = 2;
  } catch (error) {
    shown.stop();
    if (error instanceof InvalidExport) throw new Refused(problemLines(error).join('\n'));
    if (error instanceof NoExport || error instanceof ImportRunning) throw new Refused(error.message);
    if (phase === 'told') throw error;
    throw new Refused(stopped(error, phase));
  }
}

/** Why an import failed, and what to do. */
function stopped(error: unknown, phase: Progress['phase']): string {
  const { message = '', code } = error as { message?: string; code?: unknown };
  const why = code === 'ENOSPC' ? 'no space is left on the disk' : message.split('\n', 1)[0] || String(code ?? error);
  return phase === 'checking'
    ? `The import stopped before anything was written: ${why}.`
    : `The import stopped while it was writing: ${why}. What is written stays; run it again, and it goes on from there.`;
}

async function takenOver(session: Session, shown: ProgressLine): Promise<string> {
  const outcome = await session.factsApplied((fraction) => shown.set({ phase: 'to the gates', fraction }));
  shown.stop();
  if (outcome === 'applied') return 'The gates know all of it.';
  return outcome === 'relay'
    ? 'Nothing publishes it now: no relay of reference is running, or Kafka is away. The gates will know it afterwards.'
    : 'Nothing takes it over now: no Gatehouse is running on this database, or a consumer fails, which /readyz of the processes tells.';
}

function problemLines(error: InvalidExport): string[] {
  const more = error.count - error.problems.length;
  return [
    ...error.problems,
    ...(more > 0 ? [`… and ${number(more)} more`] : []),
    error.incomplete === 0
      ? `${error.message}. --skip-invalid imports the rest.`
      : `${error.message}. It is not whole, and nobody knows what it lacks: make it anew. --skip-invalid leaves out objects, not files.`,
  ];
}

/** The report of an import as lines for a person. */
export function reportLines(report: Report): string[] {
  const objects = [...report.counts.values()].reduce(
    (sum, count) => sum + count.new + count.changed + count.unchanged,
    0,
  );
  const rate = number(Math.round(objects / report.seconds));
  const width = Math.max(...[...report.counts.keys()].map((kind) => kind.length), 6);
  const row = (first: string, ...cells: string[]) =>
    first.padEnd(width) + cells.map((cell) => cell.padStart(11)).join('');
  const left = report.problemCount;
  return [
    report.import === null
      ? `Nothing in ${report.folder} is new or changed.`
      : `Import ${report.import} of ${report.folder}: ${number(report.events)} objects are new or changed.`,
    `${number(objects)} objects with ${number(report.positions)} positions in ${report.seconds.toFixed(1)} s, ${rate} objects/s.`,
    '',
    row('', 'new', 'changed', 'unchanged', 'invalid'),
    ...[...report.counts].map(([kind, count]) =>
      row(kind, number(count.new), number(count.changed), number(count.unchanged), number(count.invalid)),
    ),
    ...section('What Gatehouse will not enforce:', report.notEnforced),
    ...printLines(report.notPrinted),
    ...section('Please note:', report.warnings),
    ...(left > 0
      ? ['', `${number(left)} ${left === 1 ? 'problem' : 'problems'}: the objects named above were left out.`]
      : []),
  ];
}

function printLines({ lines, count }: Report['notPrinted']): string[] {
  const more = count - lines.length;
  const shown = [...lines, ...(more > 0 ? [`… and ${number(more)} more`] : [])];
  return count === 0
    ? []
    : ['', 'What will not be printed of the ticket layouts:', ...shown.map((line) => `  ${line}`)];
}

const section = (title: string, warnings: readonly Warning[]): string[] =>
  warnings.length === 0
    ? []
    : ['', title, ...warnings.map(({ count, text }) => `${number(count).padStart(8)} ${text}`)];

const print = (lines: readonly string[]): void => void process.stdout.write(lines.map((line) => `${line}\n`).join(''));
