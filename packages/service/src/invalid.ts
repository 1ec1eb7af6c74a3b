import type { ErrorTree } from './errors';

/** The errors of an invalid field; a value instead of an exception, since a request may contain thousands of them. */
export class Invalid {
  constructor(readonly tree: ErrorTree) {}
}

export const invalid = (...messages: string[]): Invalid => new Invalid(messages);
