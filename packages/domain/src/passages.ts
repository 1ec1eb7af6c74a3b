import { sortable, type Instant } from './instant';

/**
 * One time that a ticket passed a gate of a list. `repeat`: a forced scan of a ticket that was inside already, which is no
 * further entry, but says that somebody with this ticket was at the gate then.
 */
export type Passage = { readonly kind: 'entry' | 'exit' | 'repeat'; readonly datetime: Instant };

/** The passages with one more, in order of time; of passages at one time the one that was recorded later comes later. */
export function withPassage(passages: readonly Passage[], passage: Passage): readonly Passage[] {
  const at = placeOf(passages, passage.datetime);
  const all = [...passages.slice(0, at), passage, ...passages.slice(at)];
  // Of exits or repeats in a row only the first and the last are kept, so that the list does not grow with them. Without
  // the exits between, an entry that is reported late may be refused wrongly, but never let in wrongly.
  return passage.kind === 'entry' ? all : all.filter((each, i) => !isBetweenEqual(all, each, i));
}

const isBetweenEqual = (all: readonly Passage[], { kind }: Passage, i: number): boolean =>
  kind !== 'entry' && all[i - 1]?.kind === kind && all[i + 1]?.kind === kind;

/** The index behind all passages up to and including a time. */
function placeOf(passages: readonly Passage[], datetime: Instant): number {
  const time = sortable(datetime);
  let at = passages.length;
  while (at > 0 && sortable(passages[at - 1]!.datetime) > time) at--;
  return at;
}

/** Whether the ticket is inside after its last passage. */
export const isInside = (passages: readonly Passage[]): boolean => cameIn(passages.at(-1));

/** Whether the ticket was inside at a time and is not known to have left right after it. */
export function wasInsideAt(passages: readonly Passage[], datetime: Instant): boolean {
  const at = placeOf(passages, datetime);
  return cameIn(passages[at - 1]) && passages[at]?.kind !== 'exit';
}

/**
 * Whether a ticket may enter at a time: when it never entered, and with `afterExit` also when it had left before. Scanners
 * without a network report entries and exits late and in any order, and clocks may be wrong; so between two entries there is
 * always an exit, in order of time. Only with `late` an entry may be put before an exit that is known already: somebody
 * vouches for it then, and whoever comes in now cannot use an exit that lies in the future.
 */
export function mayEnter(
  passages: readonly Passage[],
  datetime: Instant,
  { afterExit, late }: { readonly afterExit: boolean; readonly late: boolean },
): boolean {
  if (!passages.some(cameIn)) return true;
  const at = placeOf(passages, datetime);
  const [before, next] = [passages[at - 1], passages[at]];
  return afterExit && !cameIn(before) && (next === undefined || (late && !cameIn(next)));
}

const cameIn = (passage: Passage | undefined): boolean => passage !== undefined && passage.kind !== 'exit';
