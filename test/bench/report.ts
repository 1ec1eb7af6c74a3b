/** A result of a part of the bench. */
export type Finding =
  /** A bar that performance.md sets. */
  | {
      readonly kind: 'bar';
      readonly bar: string;
      readonly what: string;
      readonly measured: number;
      readonly needed: { readonly atLeast: number } | { readonly atMost: number };
      readonly unit: Unit;
      readonly beside?: string;
    }
  /** A figure without a bar. */
  | { readonly kind: 'figure'; readonly what: string; readonly value: string };

export type Unit = '%' | '×' | 'ms' | 'CPU-ms' | 'events/s' | '';

export const bar = (rest: Omit<Extract<Finding, { kind: 'bar' }>, 'kind'>): Finding => ({ kind: 'bar', ...rest });
export const figure = (what: string, value: string): Finding => ({ kind: 'figure', what, value });

export const withUnit = (value: number, unit: Unit): string => {
  if (unit === '') return String(value);
  if (unit === '%') return `${(value * 100).toFixed(0)} %`;
  if (unit === 'events/s') return `${Math.round(value).toLocaleString('en-US')}/s`;
  if (unit === '×') return `${value.toFixed(2)}×`;
  return `${value < 1 ? value.toFixed(3) : value.toFixed(1)} ${unit}`;
};

/** The bars as a table in markdown with notes, and the figures behind them. */
export function markdown(findings: readonly Finding[]): string {
  const bars = findings.filter((finding) => finding.kind === 'bar');
  const figures = findings.filter((finding) => finding.kind === 'figure');
  const parts: string[] = [];
  if (bars.length > 0) {
    const rows = bars.map((each) => [
      each.bar,
      each.what,
      withUnit(each.measured, each.unit),
      neededOf(each),
      verdict(each),
    ]);
    parts.push(table(['bar', 'what', 'measured', 'needed', 'met'], rows));
  }
  if (figures.length > 0)
    parts.push(
      table(
        ['figure', 'value'],
        figures.map(({ what, value }) => [what, value]),
      ),
    );
  return parts.join('\n');
}

type Bar = Extract<Finding, { kind: 'bar' }>;

const neededOf = ({ needed, unit }: Bar): string =>
  'atLeast' in needed ? `≥ ${withUnit(needed.atLeast, unit)}` : `≤ ${withUnit(needed.atMost, unit)}`;

export function isMet({ needed, measured }: Bar): boolean {
  return 'atLeast' in needed ? measured >= needed.atLeast : measured <= needed.atMost;
}

function verdict(finding: Bar): string {
  const beside = finding.beside === undefined ? '' : ` (${finding.beside})`;
  if (isMet(finding)) return `yes${beside}`;
  const { needed, measured, unit } = finding;
  if (unit === '') return `no${beside}`;
  const part = 'atLeast' in needed ? measured / needed.atLeast : needed.atMost / measured;
  return `no, ${((1 - part) * 100).toFixed(0)} % short${beside}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(...[head, ...rows].map((row) => (row[column] ?? title).length)));
  const line = (cells: readonly string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i]!)).join(' | ')} |`;
  return `${[line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n')}\n`;
}
