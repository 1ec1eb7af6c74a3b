import { decodePercent } from '@gatehouse/service/fields';
import { strip } from '@gatehouse/service/python';

/** What a client calls a ticket: decoded, and in a path as it was sent, too. */
export type Code = { readonly text: string; readonly sent?: string };

/**
 * The secrets that a code may stand for when no ticket has the code itself, the likeliest first (contract, decisions): scanners send
 * a space of a path as `+` and then a plus as `%2B`, proxies decode that once more, and wedge scanners type a line end behind what
 * they read.
 */
export function otherReadings({ text, sent = '' }: Code): string[] {
  const asForm = sent.includes('+') ? decodePercent(sent.replaceAll('+', ' ')) : text;
  const whole = sent === '' ? [text] : [text, text.replaceAll('+', ' '), asForm];
  const others = new Set([...whole, ...whole.map(strip)]);
  others.delete(text);
  others.delete('');
  return [...others];
}
