/**
 * An immutable ordered map: `put` and `without` return a new map that shares all but some log2(n) nodes with the unchanged
 * old one. A state made of such maps can be evolved for a command that is then dropped, or from one state in two ways, and
 * costs much the same with a hundred entries as with a hundred thousand. It is a weight-balanced tree of plain data; null
 * is the empty map.
 */
export type Ordered<K extends number | string, V> = Node<K, V> | null;

type Node<K extends number | string, V> = {
  readonly key: K;
  readonly value: V;
  readonly size: number;
  readonly left: Ordered<K, V>;
  readonly right: Ordered<K, V>;
};

type Key = number | string;

export const sizeOf = (map: Ordered<Key, unknown>): number => (map === null ? 0 : map.size);

/** The value of a key; undefined if it is missing. */
export function find<K extends Key, V>(map: Ordered<K, V>, key: K): V | undefined {
  let at = map;
  while (at !== null && at.key !== key) at = key < at.key ? at.left : at.right;
  return at?.value;
}

/** The map with a key set. */
export function put<K extends Key, V>(map: Ordered<K, V>, key: K, value: V): Ordered<K, V> {
  if (map === null) return node({ key, value }, null, null);
  if (key < map.key) return balanced(map, put(map.left, key, value), map.right);
  if (key > map.key) return balanced(map, map.left, put(map.right, key, value));
  return node({ key, value }, map.left, map.right);
}

/** The map without a key; the same map if it has none. */
export function without<K extends Key, V>(map: Ordered<K, V>, key: K): Ordered<K, V> {
  if (map === null) return null;
  if (key === map.key) return joined(map.left, map.right);
  const [left, right] = key < map.key ? [without(map.left, key), map.right] : [map.left, without(map.right, key)];
  return left === map.left && right === map.right ? map : balanced(map, left, right);
}

/** Number of keys from `key` on, computed from the sizes of subtrees without iteration. */
export function countFrom<K extends Key>(map: Ordered<K, unknown>, key: K): number {
  let count = 0;
  let at = map;
  while (at !== null) {
    if (at.key < key) {
      at = at.right;
      continue;
    }
    count += 1 + sizeOf(at.right);
    at = at.left;
  }
  return count;
}

/** The entries in the order of their keys, from `key` on. */
export function* entriesFrom<K extends Key, V>(map: Ordered<K, V>, key: K): Generator<readonly [K, V]> {
  if (map === null) return;
  if (map.key >= key) {
    yield* entriesFrom(map.left, key);
    yield [map.key, map.value];
  }
  yield* entriesFrom(map.right, key);
}

/** All entries in the order of their keys. */
export function* entries<K extends Key, V>(map: Ordered<K, V>): Generator<readonly [K, V]> {
  if (map === null) return;
  yield* entries(map.left);
  yield [map.key, map.value];
  yield* entries(map.right);
}

/** A map of entries, which must be sorted by key. */
export function ordered<K extends Key, V>(sorted: readonly (readonly [K, V])[]): Ordered<K, V> {
  const between = (from: number, to: number): Ordered<K, V> => {
    if (from >= to) return null;
    const middle = (from + to) >> 1;
    const [key, value] = sorted[middle]!;
    return node({ key, value }, between(from, middle), between(middle + 1, to));
  };
  return between(0, sorted.length);
}

type Entry<K, V> = { readonly key: K; readonly value: V };

function node<K extends Key, V>({ key, value }: Entry<K, V>, left: Ordered<K, V>, right: Ordered<K, V>): Node<K, V> {
  return { key, value, size: 1 + sizeOf(left) + sizeOf(right), left, right };
}

/** No side may be heavier than this factor times the other; with these constants single and double rotations suffice. */
const HEAVY = 3;
const SINGLE = 2;

/** A node over two subtrees, one of which has gained or lost a key. */
function balanced<K extends Key, V>(top: Entry<K, V>, left: Ordered<K, V>, right: Ordered<K, V>): Node<K, V> {
  const [l, r] = [sizeOf(left), sizeOf(right)];
  if (l + r <= 1) return node(top, left, right);
  if (right !== null && r > HEAVY * l) return leaned(top, left, right);
  if (left !== null && l > HEAVY * r) return leanedBack(top, left, right);
  return node(top, left, right);
}

function leaned<K extends Key, V>(top: Entry<K, V>, left: Ordered<K, V>, right: Node<K, V>): Node<K, V> {
  const inner = right.left;
  if (inner === null || inner.size < SINGLE * sizeOf(right.right)) {
    return node(right, node(top, left, inner), right.right);
  }
  return node(inner, node(top, left, inner.left), node(right, inner.right, right.right));
}

function leanedBack<K extends Key, V>(top: Entry<K, V>, left: Node<K, V>, right: Ordered<K, V>): Node<K, V> {
  const inner = left.right;
  if (inner === null || inner.size < SINGLE * sizeOf(left.left)) {
    return node(left, left.left, node(top, inner, right));
  }
  return node(inner, node(left, left.left, inner.left), node(top, inner.right, right));
}

/** Both subtrees without their common parent node. */
function joined<K extends Key, V>(left: Ordered<K, V>, right: Ordered<K, V>): Ordered<K, V> {
  if (left === null) return right;
  if (right === null) return left;
  let first = right;
  while (first.left !== null) first = first.left;
  return balanced(first, left, without(right, first.key));
}
