import { Presets, SingleBar } from 'cli-progress';

/** A number for people. */
export const number = (n: number): string => n.toLocaleString('en');

const PLAIN_EVERY_MS = 5_000;

/** `objects`: number of objects in the current phase, if they are counted. */
type Shown = {
  /** What is being done, as in `checking`. */
  readonly phase: string;
  readonly objects?: number;
  readonly fraction: number;
};
export type ProgressLine = { set(progress: Shown): void; above(line: string): void; stop(): void };

/**
 * A progress bar on a terminal, otherwise a line every five seconds; on standard error, since standard output is for
 * results.
 */
export function progressLine(): ProgressLine {
  const terminal = process.stderr.isTTY;
  const bar = new SingleBar(
    {
      format: '{phase} [{bar}] {percentage} % | {count}{left} left',
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      fps: 8,
    },
    Presets.legacy,
  );
  let phase: Shown['phase'] | undefined;
  let startedMs = 0;
  let shownMs = 0;
  return {
    set(progress) {
      const now = performance.now();
      if (progress.phase !== phase) {
        bar.stop();
        phase = progress.phase;
        startedMs = shownMs = now;
        if (terminal) bar.start(1_000, 0, payload(progress, 0));
      }
      const elapsedMs = now - startedMs;
      if (terminal) bar.update(Math.round(progress.fraction * 1_000), payload(progress, elapsedMs));
      else if (now - shownMs >= PLAIN_EVERY_MS) {
        shownMs = now;
        const { count, left } = payload(progress, elapsedMs);
        process.stderr.write(`${phase}: ${Math.floor(progress.fraction * 100)} %, ${count}${left} left\n`);
      }
    },
    above(line) {
      if (terminal) process.stderr.write('\r\u001b[K');
      process.stdout.write(`${line}\n`);
    },
    stop: () => bar.stop(),
  };
}

function payload({ phase, objects, fraction }: Shown, elapsedMs: number): Record<'phase' | 'count' | 'left', string> {
  const left = fraction > 0 ? ((elapsedMs / 1_000) * (1 - fraction)) / fraction : undefined;
  return {
    phase,
    count: objects === undefined ? '' : `${number(objects)} objects, ${rateOf(objects, elapsedMs)}/s, `,
    left: left === undefined ? '-' : left < 90 ? `${Math.round(left)} s` : `${Math.round(left / 60)} min`,
  };
}

const rateOf = (objects: number, elapsedMs: number): string =>
  elapsedMs > 0 ? number(Math.round((objects * 1_000) / elapsedMs)) : '-';
