import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino';
import type { LogLevel } from './config';

export type Log = Logger;

/**
 * The process's log: one JSON line per entry. Redaction is not needed, because nothing secret or personal is ever passed to
 * it (no tokens, ticket secrets, names, e-mails, bodies, query strings) and errors go through `described`.
 */
export function createLog(level: LogLevel, destination?: DestinationStream): Log {
  const options = { level, messageKey: 'message', timestamp: stdTimeFunctions.isoTime };
  return pino(options, destination ?? standardOutput());
}

/** Lines are lost if they cannot be written (a closed terminal, a full disk); the process continues. */
function standardOutput(): DestinationStream {
  const output = pino.destination(1);
  output.on('error', () => undefined);
  return output;
}

/** The fields of an error that may be logged. A database's own messages quote values, so of those only the code is logged. */
export function described(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { code, table, constraint, severity } = error as Error & Record<string, unknown>;
  const stack = (error.stack ?? '').slice((error.stack ?? '').indexOf('\n    at '));
  if (typeof severity === 'string') return { error: error.name, code, table, constraint, stack };
  return { error: error.name, code, reason: error.message, stack };
}
