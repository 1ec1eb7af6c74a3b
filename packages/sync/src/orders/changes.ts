/** An order that has changed; `modified` is canonical with six decimals. */
export type Change = { readonly stream: string; readonly testmode: boolean; readonly modified: string };

/** Changed orders of an event that are remembered, of some 200 bytes each: gates that scan 100 a second need eight minutes for them. */
const MOST = 50_000;

/**
 * The newest changes of an event's orders, in the order of their instants, of one generation of the read model. A scanner asks how
 * many orders have changed since its last visit; while gates scan, PostgreSQL would have to look at each of them every time.
 */
export class Changes {
  /** Of these, each order's newest change is its last. */
  #entries: Entry[] = [];
  #newest = new Map<string, Entry>();
  #from: string;
  #head = '';

  /** `from`: the first instant of which changes will be added. */
  constructor(
    readonly generation: string,
    from: string,
    private readonly most = MOST,
  ) {
    this.#from = from;
  }

  /** The instant up to which all changes were added. */
  get head(): string {
    return this.#head;
  }

  /** Whether it knows all changes of this instant and later ones, up to its head. */
  holds(since: string): boolean {
    return since >= this.#from;
  }

  /** Adds all changes after some instant, at which the head was or before, up to `seen`, in their order. First: all from `from` on. */
  add(changes: readonly Change[], seen: string): void {
    for (const { stream, testmode, modified } of changes) {
      // Another request was faster.
      if (modified <= this.#head) continue;
      const before = this.#newest.get(stream);
      if (before) before.isNewest = false;
      const entry = { stream, testmode, modified, isNewest: true };
      this.#newest.set(stream, entry);
      this.#entries.push(entry);
    }
    if (seen > this.#head) this.#head = seen;
    if (this.#entries.length > 2 * this.most) this.#forget();
  }

  /** How many orders have changed at this instant, which it `holds`, or later. */
  count(since: string, testmode: boolean | undefined): number {
    let count = 0;
    for (let i = this.#firstAt(since); i < this.#entries.length; i++) {
      const entry = this.#entries[i]!;
      if (entry.isNewest && (testmode === undefined || entry.testmode === testmode)) count += 1;
    }
    return count;
  }

  /** Where the entries of this instant and later ones begin; to compare the text of each would take three times as long. */
  #firstAt(since: string): number {
    let [low, high] = [0, this.#entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.modified < since) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What has changed again needs no memory; beyond that the oldest changes are forgotten. */
  #forget(): void {
    const newest = this.#entries.filter(({ isNewest }) => isNewest);
    const last = newest.at(-1 - this.most)?.modified;
    this.#entries = newest;
    if (last === undefined) return;
    // An instant is forgotten as a whole.
    this.#entries = newest.filter(({ modified }) => modified > last);
    this.#newest = new Map(this.#entries.map((entry) => [entry.stream, entry]));
    this.#from = this.#entries[0]?.modified ?? NEVER;
  }
}

/** After every instant. */
const NEVER = '~';

type Entry = Change & { isNewest: boolean };
