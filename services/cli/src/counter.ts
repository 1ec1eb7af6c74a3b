/**
 * Shows a growing count with unknown total: one line that is rewritten on a terminal, otherwise a line now and then. On
 * standard error, since standard output is for results.
 */
export function counter(title: string, what: string): { set(count: number): void; done(sentence: string): void } {
  const terminal = process.stderr.isTTY;
  const everyMs = terminal ? 100 : 5_000;
  const startedMs = Date.now();
  let shownMs = startedMs;
  return {
    set(count) {
      const now = Date.now();
      if (now - shownMs < everyMs) return;
      shownMs = now;
      const rate = Math.round((count * 1_000) / (now - startedMs));
      const line = `${title}: ${count.toLocaleString('en')} ${what}, ${rate.toLocaleString('en')}/s`;
      process.stderr.write(terminal ? `\r\u001b[K${line}` : `${line}\n`);
    },
    done(sentence) {
      if (terminal) process.stderr.write('\r\u001b[K');
      process.stdout.write(`${sentence}\n`);
    },
  };
}
