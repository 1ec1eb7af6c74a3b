import type { ErrorTree } from './errors';

/** What a field says of a value it does not take; an ordinary value, since a request may hold thousands of them. */
export class Invalid {
  constructor(readonly tree: ErrorTree) {}
}

export const invalid = (...messages: string[]): Invalid => new Invalid(messages);
