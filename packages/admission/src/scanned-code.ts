import { decodePercent } from '@gatehouse/service/fields';
import { strip } from '@gatehouse/service/python';

/** A ticket's name in a request: decoded, and for a path also as it was sent. */
export type Code = { readonly text: string; readonly sent?: string };

/**
 * The secrets that a code may stand for when no ticket has the code itself, the likeliest first (contract, decisions):
 * scanners send a space in a path as `+` and a plus as `%2B`, proxies decode once more, and keyboard-wedge scanners add a
 * line end.
 */
export function otherReadings({ text, sent = '' }: Code): string[] {
  const asForm = sent.includes('+') ? decodePercent(sent.replaceAll('+', ' ')) : text;
  const whole = sent === '' ? [text] : [text, text.replaceAll('+', ' '), asForm];
  const others = new Set([...whole, ...whole.map(strip)]);
  others.delete(text);
  others.delete('');
  return [...others];
}
