/** The middle value; the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The results of each variant in each round. */
export type Rounds<Name extends string, T> = Readonly<Record<Name, readonly T[]>>;

/**
 * Drives the variants one after another, round after round, each round starting with another one. The first round warms up
 * and is not counted.
 */
export async function inTurn<Name extends string, T>(
  names: readonly Name[],
  rounds: number,
  drive: (name: Name) => Promise<T>,
): Promise<Rounds<Name, T>> {
  const results = Object.fromEntries(names.map((name) => [name, [] as T[]])) as unknown as Record<Name, T[]>;
  for (let round = 0; round <= rounds; round++) {
    for (let i = 0; i < names.length; i++) {
      const name = names[(i + round) % names.length]!;
      const result = await drive(name);
      if (round > 0) results[name].push(result);
    }
  }
  return results;
}

/** The median of the rounds' ratios: a disturbance affects both sides of a round. */
export function ratio<T>(above: readonly T[], below: readonly T[], of: (result: T) => number): number {
  return median(above.map((result, round) => of(result) / of(below[round]!)));
}
