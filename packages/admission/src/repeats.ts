/** A kind of scan that gets equal replies: by scanner, list, ticket and result. */
export type Repeated = {
  readonly actor: string;
  readonly list: number;
  /** null: any code that no ticket has. */
  readonly position: number | null;
  /** The refusal's reason, after `exit ` at an exit; `entered`: a forced repeat of an entry. */
  readonly answer: string;
};

/** Number of equal scans per minute that become events; further ones are counted. */
export const FIRST_FEW = 20;
const MINUTE_MS = 60_000;
/** Most kinds counted at a time; beyond that the least recently used one is dropped. */
const KINDS = 10_000;

type Kind<T> = {
  recorded: number;
  counted: number;
  /** The newest counted scan, and the times of the first and the newest one. */
  last: T | undefined;
  from: Date;
  until: Date;
};

/** What is written of a kind when its minute ends: the number of counted scans, the newest of them, and their times. */
export type Count<T> = { readonly count: number; readonly last: T; readonly from: Date; readonly until: Date };

export type Repeats<T> = {
  /**
   * True when one more scan of this kind is among the first few of the minute and becomes an event; otherwise call `count`.
   */
  isToBeRecorded(kind: Repeated): boolean;
  /** Counts one more scan of this kind. */
  count(kind: Repeated, scan: T): void;
  /** Writes the counts so far; a count that cannot be written is kept and tried again at the end of the next minute. */
  flush(): Promise<void>;
  /** Writes the counts so far and stops. */
  close(): Promise<void>;
};

/**
 * Counts scans that get the same reply again and again, because somebody holds a refused ticket before a scanner or a
 * program repeats a call: history must not grow with each of them. Memory is bounded. A crash loses the counts of the
 * current minute, but no event.
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
    // Reinserted, so that the map's first key is the least recently used one.
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

  /** A count that could not be written is added to the current minute. */
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
