import { Session, type Profiler } from 'node:inspector';

/*
 * Counts work instead of measuring time, which depends on the machine's load: how often V8 ran each block of our own code,
 * and how many characters or elements the built-in functions called there had to read. Backtracking of regular expressions
 * is not counted; those for unchecked input are anchored or begin with a character that cannot occur inside of the match.
 */

export type Meter = {
  /** The steps of one run, in arbitrary units, for comparing two runs. */
  count(run: () => unknown): Promise<number>;
  close(): void;
};

type Method = (this: unknown, ...args: unknown[]) => unknown;
type Cost = (self: unknown, args: readonly unknown[], result: unknown) => number;

const lengthOf = (value: unknown): number =>
  typeof value === 'string' || Array.isArray(value) ? value.length : typeof value === 'object' && value ? 1 : 0;
const whole: Cost = (self, _args, result) => lengthOf(self) + lengthOf(result);
/** A slice of a text shares its memory; that of an array is a copy. */
const one: Cost = () => 1;
const copied: Cost = (_self, _args, result) => lengthOf(result);

/** From its start to the match, or to the end. */
const searched: Cost = (self, [, from], result) =>
  (result === -1 ? lengthOf(self) : Number(result) + 1) - Number(from ?? 0);

const STRING = ['split', 'replace', 'replaceAll', 'lastIndexOf', 'includes', 'trim', 'trimEnd', 'toLowerCase',
  'toUpperCase', 'normalize', 'match', 'localeCompare', 'isWellFormed']; // prettier-ignore
const ARRAY = ['join', 'lastIndexOf', 'includes', 'concat', 'flat', 'reverse', 'fill'];
const WRAPPED: readonly (readonly [owner: object, names: readonly string[], cost: Cost])[] = [
  [String.prototype, STRING, whole],
  [String.prototype, ['indexOf'], searched],
  [Array.prototype, ['indexOf'], searched],
  [String.prototype, ['slice', 'substring', 'startsWith', 'endsWith'], one],
  [Array.prototype, ARRAY, whole],
  [Array.prototype, ['slice', 'splice'], copied],
  [RegExp.prototype, ['exec', 'test'], seen],
  [JSON, ['parse'], (_self, [text]) => lengthOf(text)],
  [Object, ['entries', 'keys', 'values', 'fromEntries'], copied],
];

/** How far a regular expression had to read: to the end of its match, or to the end of the text without one. */
function seen(self: unknown, [text]: readonly unknown[], result: unknown): number {
  const { sticky, lastIndex } = self as RegExp;
  if (Array.isArray(result))
    return (result as unknown as RegExpExecArray).index + lengthOf(result[0]) - (sticky ? lastIndex : 0);
  return sticky ? 1 : lengthOf(text);
}

/** Blocks are counted only in code that is loaded later, so import the measured code after this call. */
export function workMeter(): Meter {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });

  function blocks(): number {
    let taken: Profiler.TakePreciseCoverageReturnType | undefined;
    session.post('Profiler.takePreciseCoverage', (_error, coverage) => (taken = coverage));
    const own = taken!.result.filter(
      ({ url }) => /\/(packages|services)\/[^/]+\/src\//.test(url) && !url.includes('.test.'),
    );
    return own
      .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
      .reduce((sum, { count }) => sum + count, 0);
  }

  return {
    async count(run) {
      let steps = 0;
      const restore: (() => void)[] = [];
      for (const [owner, names, cost] of WRAPPED) {
        for (const name of names) {
          const methods = owner as Record<string, Method>;
          const method = methods[name]!;
          methods[name] = function (...args) {
            const result = method.apply(this, args);
            steps += cost(this, args, result);
            return result;
          };
          restore.push(() => void (methods[name] = method));
        }
      }
      blocks();
      try {
        await run();
      } finally {
        for (const undo of restore) undo();
      }
      return steps + blocks();
    },
    close() {
      session.post('Profiler.stopPreciseCoverage');
      session.disconnect();
    },
  };
}
