/** One kind of scan that gets the same answer again and again: who scans, at which list, which ticket, and what became of it. */
export type Repeated = {
  readonly actor: string;
  readonly list: number;
  /** null: a code that no ticket has, whichever it is. */
  readonly position: number | null;
  /** `entered`: a forced repeat of an entry. */
  readonly answer: string;
};

/** So many of a kind are events of their own in each minute; what follows is counted. */
export const FIRST_FEW = 20;
const MINUTE_MS = 60_000;
/** For how many kinds a process remembers how often they came in this minute; the one that came longest ago is forgotten. */
const KINDS = 10_000;

type Kind<T> = {
  recorded: number;
  counted: number;
  /** The newest that was only counted, and when the first and the newest came. */
  last: T | undefined;
  from: Date;
  until: Date;
};

/** What is written of a kind when its minute ends: how many were only counted, the newest of them, and when they came. */
export type Count<T> = { readonly count: number; readonly last: T; readonly from: Date; readonly until: Date };

export type Repeats<T> = {
  /** Whether one more of this kind is among the first few of the minute and becomes an event; else it is to be counted. */
  isToBeRecorded(kind: Repeated): boolean;
  /** One more of this kind is only counted. */
  count(kind: Repeated, scan: T): void;
  /** Writes the counts so far; what cannot be written is kept and tried again at the end of the next minute. */
  flush(): Promise<void>;
  /** Writes the counts so far and stops. */
  close(): Promise<void>;
};

/**
 * Counts scans that get the same answer again and again: somebody holds a refused ticket before a scanner, or a program calls without end.
 * History must not grow with each of these. Memory is bounded, and a crash loses the counts of the current minute, no event.
 */
export function repeats<T>(write: (count: Count<T>) => Promise<void>): Repeats<T> {
  let kinds = new Map<string, Kind<T>>();
  let minute: NodeJS.Timeout | undefined;
  let writing: Promise<unknown> = Promise.resolve();

  const keyOf = ({ actor, list, position, answer }: Repeated): string => `${actor} ${list} ${position} ${answer}`;

  function kindOf(repeated: Repeated): Kind<T> {
    const key = keyOf(repeated);
    const now = new Date();
    const kind = kinds.get(key) ?? { recorded: 0, counted: 0, last: undefined, from: now, until: now };
    // Last again, so that the first of the map is the one that came longest ago.
    kinds.delete(key);
    kinds.set(key, kind);
    minute ??= setTimeout(() => void flush(), MINUTE_MS).unref();
    const [oldest] = kinds;
    if (kinds.size > KINDS && oldest) {
      kinds.delete(oldest[0]);
      void put(oldest[0], oldest[1]);
    }
    return kind;
  }

  /** What cannot be written is counted on in the present minute. */
  function put(key: string, { counted, last, from, until }: Kind<T>): Promise<void> {
    if (counted === 0 || last === undefined) return Promise.resolve();
    return write({ count: counted, last, from, until }).catch(() => {
      const present = kinds.get(key);
      if (!present && kinds.size >= KINDS) return;
      const kind = present ?? { recorded: FIRST_FEW, counted: 0, last, from, until };
      if (kind.counted === 0) kind.until = until;
      kinds.set(key, { ...kind, counted: kind.counted + counted, last: kind.last ?? last, from });
      minute ??= setTimeout(() => void flush(), MINUTE_MS).unref();
    });
  }

  async function flush(): Promise<void> {
    clearTimeout(minute);
    minute = undefined;
    const past = kinds;
    kinds = new Map();
    writing = Promise.all([writing, ...[...past].map(([key, kind]) => put(key, kind))]);
    await writing;
  }

  return {
    isToBeRecorded: (kind) => kindOf(kind).recorded++ < FIRST_FEW,
    count(repeated, scan) {
      const kind = kindOf(repeated);
      kind.until = new Date();
      if (kind.counted++ === 0) kind.from = kind.until;
      kind.last = scan;
    },
    flush,
    async close() {
      await flush();
      clearTimeout(minute);
    },
  };
}
