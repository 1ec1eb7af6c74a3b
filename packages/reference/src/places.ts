import type { SourceFile } from './folder';
import { place } from './rows';

/** Where an object of an export is: the event or organizer that it belongs to, and its place for a human. */
export type Where = { readonly owner: string; readonly place: string };

/** Places of objects as small numbers, so that the place where an id was named first can be kept for millions of ids. */
export type Places = {
  /** The number of an object. Call it for one file after another: objects of two files may not alternate. */
  number(at: { readonly file: SourceFile; readonly index: number }, owner: string): number;
  /** The place that has this number. */
  of(number: number): Where;
};

/** Makes the places of one import. */
export function places(): Places {
  const files: { readonly file: SourceFile; readonly owner: string; readonly first: number }[] = [];
  let next = 0;
  return {
    number({ file, index }, owner) {
      let last = files.at(-1);
      if (last?.file !== file) files.push((last = { file, owner, first: next }));
      // The whole file has the index -1.
      const number = last.first + index + 1;
      next = Math.max(next, number + 1);
      return number;
    },
    of(number) {
      const { file, owner, first } = files.findLast((each) => each.first <= number)!;
      return { owner, place: place(file, number - first - 1) };
    },
  };
}
