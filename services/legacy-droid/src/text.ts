import type { Reply } from '@gatehouse/service/reply';

/** JSON with one space after `,` and `:`, as this API writes it (contract §3.1). */
export function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${spaced(member)}`);
  return `{${members.join(', ')}}`;
}

/** A reply that is not about a ticket: plain text, which the app shows or counts by its status (contract §3.1). */
export const plainText = (status: number, text: string): Reply => ({
  status,
  raw: text,
  headers: { 'Content-Type': 'text/html; charset=utf-8' },
});

/** Ends a request with this reply. */
export class Refusal extends Error {
  override name = 'Refusal';
  constructor(readonly reply: Reply) {
    super(`${reply.status}`);
  }
}
