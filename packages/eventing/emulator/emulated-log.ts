/** One event as the emulated server stores it. */
export type LogRecord = {
  /** Commit and prepare position, which are equal outside of transactions; this protocol has none. */
  readonly position: bigint;
  readonly id: string;
  readonly stream: string;
  readonly revision: number;
  readonly type: string;
  readonly contentType: string;
  readonly metadata: Uint8Array;
  readonly data: Uint8Array;
  readonly created: Date;
};

export type Proposed = Pick<LogRecord, 'id' | 'type' | 'contentType' | 'metadata' | 'data'>;

/** A writer's expectation of a stream: its last revision, that it is new, or nothing. */
export type Expected = number | 'no stream' | 'any' | 'stream exists';

export type Appended =
  | { readonly outcome: 'appended' | 'repeated'; readonly revision: number; readonly position: bigint }
  /** `current` is the last revision, -1 for no stream. */
  | { readonly outcome: 'wrong expected version'; readonly current: number };

/** The log of the emulated server, in memory only. */
export type EmulatedLog = {
  /** In the order of their positions. */
  readonly records: readonly LogRecord[];
  readonly stream: (name: string) => readonly LogRecord[];
  append(stream: string, expected: Expected, events: readonly Proposed[]): Appended;
  /** Calls back after every append. */
  onAppend(callback: () => void): () => void;
};

export function emulatedLog(): EmulatedLog {
  const records: LogRecord[] = [];
  const streams = new Map<string, LogRecord[]>();
  const callbacks = new Set<() => void>();
  let end = 0n;

  function write(stream: string, there: LogRecord[], events: readonly Proposed[]): void {
    for (const event of events) {
      const record = { ...event, stream, revision: there.length, position: end, created: new Date() };
      // A record's position is its offset in bytes.
      end += BigInt(120 + event.data.length + event.metadata.length + 2 * (stream.length + event.type.length));
      records.push(record);
      there.push(record);
    }
    streams.set(stream, there);
    for (const callback of callbacks) callback();
  }

  return {
    records,
    stream: (name) => streams.get(name) ?? [],
    append(stream, expected, events) {
      const there = streams.get(stream) ?? [];
      const current = there.length - 1;
      const wrong: Appended = { outcome: 'wrong expected version', current };
      if (expected === 'stream exists' && current < 0) return wrong;
      if (typeof expected === 'number' && expected > current) return wrong;
      const first = typeof expected === 'number' ? expected + 1 : expected === 'no stream' ? 0 : null;
      // Idempotency as in the server: an append with an old expected revision is a repeat when each of its ids is at its
      // place.
      if (first !== null && first <= current) {
        const stood = there.slice(first, first + events.length);
        const repeated = stood.length === events.length && events.every((event, i) => event.id === stood[i]!.id);
        if (!repeated) return wrong;
        return { outcome: 'repeated', revision: stood.at(-1)!.revision, position: stood.at(-1)!.position };
      }
      if (first === null) {
        // Without an expected revision the server looks for the ids anywhere in the stream, as long as it remembers them.
        const stood = events.map((event) => there.find(({ id }) => id === event.id));
        if (stood.every((record) => record !== undefined)) {
          return { outcome: 'repeated', revision: stood.at(-1)!.revision, position: stood.at(-1)!.position };
        }
        if (stood[0]) return wrong;
      }
      write(stream, there, events);
      return { outcome: 'appended', revision: there.length - 1, position: there.at(-1)!.position };
    },
    onAppend(callback) {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
  };
}
