/**
 * A map from numbers or texts to small numbers that takes 12 to 36 bytes an entry, for the millions of ids of an import. A
 * text is identified by a hash of 64 bits: with a million texts a collision occurs in one of 30 million imports.
 */
export class IdTable {
  #low: Uint32Array;
  #high: Uint32Array;
  /** The value plus one; 0 is an empty slot. */
  #values: Uint32Array;
  #mask: number;
  size = 0;

  constructor(capacity = 1 << 10) {
    this.#low = new Uint32Array(capacity);
    this.#high = new Uint32Array(capacity);
    this.#values = new Uint32Array(capacity);
    this.#mask = capacity - 1;
  }

  get(key: number | string): number | undefined {
    const [low, high] = split(key);
    const value = this.#values[this.#slot(low, high)]!;
    return value === 0 ? undefined : value - 1;
  }

  /** `value` is a whole number from 0 to 2³² - 2. */
  set(key: number | string, value: number): void {
    if (this.size * 3 > this.#mask * 2) this.#grow();
    const [low, high] = split(key);
    const slot = this.#slot(low, high);
    if (this.#values[slot] === 0) this.size++;
    this.#low[slot] = low;
    this.#high[slot] = high;
    this.#values[slot] = value + 1;
  }

  #slot(low: number, high: number): number {
    let slot = scramble(low ^ Math.imul(high, 0x9e3779b1)) & this.#mask;
    while (this.#values[slot] !== 0 && (this.#low[slot] !== low || this.#high[slot] !== high)) {
      slot = (slot + 1) & this.#mask;
    }
    return slot;
  }

  #grow(): void {
    const [low, high, values] = [this.#low, this.#high, this.#values];
    const capacity = values.length * 2;
    this.#low = new Uint32Array(capacity);
    this.#high = new Uint32Array(capacity);
    this.#values = new Uint32Array(capacity);
    this.#mask = capacity - 1;
    for (let i = 0; i < values.length; i++) {
      if (values[i] === 0) continue;
      const slot = this.#slot(low[i]!, high[i]!);
      this.#low[slot] = low[i]!;
      this.#high[slot] = high[i]!;
      this.#values[slot] = values[i]!;
    }
  }
}

function split(key: number | string): [number, number] {
  if (typeof key === 'number') return [key >>> 0, Math.floor(key / 2 ** 32) >>> 0];
  let a = 0xdeadbeef;
  let b = 0x41c6ce57;
  for (let i = 0; i < key.length; i++) {
    const code = key.charCodeAt(i);
    a = Math.imul(a ^ code, 0x85ebca77);
    b = Math.imul(b ^ code, 0xc2b2ae3d);
  }
  return [scramble(a ^ Math.imul(b, 0x27d4eb2f)), scramble(b ^ Math.imul(a, 0x165667b1))];
}

function scramble(n: number): number {
  n = Math.imul(n ^ (n >>> 16), 0x85ebca6b);
  n = Math.imul(n ^ (n >>> 13), 0xc2b2ae35);
  return (n ^ (n >>> 16)) >>> 0;
}
