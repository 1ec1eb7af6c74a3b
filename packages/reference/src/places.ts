import type { SourceFile } from './folder';
import { place } from './rows';

/** The location of an object of an export: its event or organizer, and a text for people. */
export type Where = { readonly owner: string; readonly place: string };

/** Locations of objects as small numbers, so that the first location of millions of ids can be kept. */
export type Places = {
  /** The number of an object. Must be called for one file after another: objects of two files may not alternate. */
  number(at: { readonly file: SourceFile; readonly index: number }, owner: string): number;
  /** The location with this number. */
  of(number: number): Where;
};

/** Makes the locations of one import. */
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
