import type { NotPrinted } from './not-printed';
import type { Findings } from './positions';
import type { Note } from './raw';

/** Numbers of an import's objects of one kind. */
export type Counts = {
  readonly new: number;
  readonly changed: number;
  readonly unchanged: number;
  readonly invalid: number;
};

/** A sentence about an imported export; `count` is its number, which `text` does not repeat. */
export type Warning = { readonly count: number; readonly text: string };

/** The result of an import. */
export type Report = {
  readonly folder: string;
  /** The import's number; null when there was nothing to write. */
  readonly import: number | null;
  /** Events of objects that were written. */
  readonly events: number;
  readonly counts: ReadonlyMap<string, Counts>;
  readonly positions: number;
  /** The objects that were left out and why: the first of `problemCount`. */
  readonly problems: readonly string[];
  readonly problemCount: number;
  readonly warnings: readonly Warning[];
  /** What Gatehouse does not enforce (import.md §3). */
  readonly notEnforced: readonly Warning[];
  /** What of the ticket layouts will not be printed. */
  readonly notPrinted: NotPrinted;
  readonly seconds: number;
};

/** Rules that pretix would enforce and Gatehouse does not. */
const NOT_ENFORCED: readonly (readonly [Note, string, string])[] = [
  [
    'list.rules',
    'check-in list has "rules" that are not understood; it lets nobody in',
    'check-in lists have "rules" that are not understood; they let nobody in',
  ],
  [
    'list.without_date',
    'check-in list of a series has no date, in the way of old versions; no ticket is found on it',
    'check-in lists of a series have no date, in the way of old versions; no ticket is found on them',
  ],
  [
    'device.security_profile',
    'device has a security profile that is not known here; it may use nothing',
    'devices have security profiles that are not known here; they may use nothing',
  ],
  ['question.limits', 'question limits its answers', 'questions limit their answers'],
];

/** The sentence for each note, in singular and plural. */
const WARNINGS: readonly (readonly [Note, string, string])[] = [
  [
    'checkin.refused',
    'refused scan in checkins.json was not imported',
    'refused scans in checkins.json were not imported',
  ],
  [
    'checkin.unknown_list',
    'check-in of a list that is not in the folder was left out',
    'check-ins of lists that are not in the folder were left out',
  ],
  [
    'position.two_orders',
    'position is named by two orders; it belongs to the last one',
    'positions are named by two orders; they belong to the last one',
  ],
  ['token.ended_here', 'token was revoked here and stays revoked', 'tokens were revoked here and stay revoked'],
  ['device.ended_here', 'device was revoked here and stays revoked', 'devices were revoked here and stay revoked'],
  [
    'droidkey.ended_here',
    'droid key was revoked here and stays revoked',
    'droid keys were revoked here and stay revoked',
  ],
  [
    'device.token_kept',
    'device has no "api_token" in the folder and keeps the one it had',
    'devices have no "api_token" in the folder and keep the one they had',
  ],
];

const counted = (texts: typeof WARNINGS, notes: ReadonlyMap<Note, number>): Warning[] =>
  texts.flatMap(([note, one, many]) => {
    const count = notes.get(note) ?? 0;
    return count === 0 ? [] : [{ count, text: count === 1 ? one : many }];
  });

/**
 * The rules of these objects that pretix would enforce and Gatehouse does not. `rules`: what is not understood of which
 * lists' rules, the first of them.
 */
export const notEnforced = (notes: ReadonlyMap<Note, number>, rules: readonly string[]): Warning[] =>
  counted(NOT_ENFORCED, notes).map((warning) =>
    warning.text.includes('"rules"') ? { ...warning, text: `${warning.text}: ${rules.join('; ')}` } : warning,
  );

/** Other warnings. `missing`: names of the stored tokens that `teams.json` no longer has. */
export function warnings(notes: ReadonlyMap<Note, number>, missing: readonly string[]): Warning[] {
  const tokens =
    missing.length === 1 ? 'token is missing from teams.json and stays' : 'tokens are missing from teams.json and stay';
  const text = `${tokens} valid: ${missing.join(', ')}`;
  return [...counted(WARNINGS, notes), ...(missing.length > 0 ? [{ count: missing.length, text }] : [])];
}

/** The warnings about tickets, of this and earlier imports. */
export function aboutTickets({ ended, sameSecret, sameSecretCount }: Findings): Warning[] {
  const found: Warning[] = [];
  if (ended > 0) {
    const text =
      ended === 1
        ? 'ticket is no longer named by its order and is canceled'
        : 'tickets are no longer named by their orders and are canceled';
    found.push({ count: ended, text });
  }
  if (sameSecretCount > 0) {
    const pairs = sameSecret.map(
      ({ ticket, order, other, otherOrder }) => `${other} (${codeOf(otherOrder)}) and ${ticket} (${codeOf(order)})`,
    );
    const more = sameSecretCount > pairs.length ? ', …' : '';
    const text =
      sameSecretCount === 1
        ? 'pair of tickets has one secret; the paid one gets in by it, of two the one imported last'
        : 'pairs of tickets have one secret each; the paid one gets in by it, of two the one imported last';
    found.push({ count: sameSecretCount, text: `${text}: ${pairs.join(', ')}${more}` });
  }
  return found;
}

/** `order-demo/ABCDE` → `ABCDE` */
const codeOf = (stream: string): string => stream.slice(stream.indexOf('/') + 1);
