import type { SourceFile } from './folder';
import { place } from './rows';

/** Where an object stands: whose it is, and how that is told. */
export type Where = { readonly owner: string; readonly told: string };

/** Places of objects as small numbers, so that an id of millions can be told with the place where it was named before. */
export type Places = {
  /** The number of the object that is being read. A file's objects come one after another. */
  number(at: { readonly file: SourceFile; readonly index: number }, owner: string): number;
  of(number: number): Where;
};

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
      return { owner, told: place(file, number - first - 1) };
    },
  };
}
