import { decodePercent } from './fields';

/**
 * A parsed request target, the same for every route and service (contract, decisions). Everything but `segments` is as it
 * was sent, one character per byte.
 */
export type Target = {
  readonly path: string;
  /** Without its question mark. */
  readonly query: string;
  /** The parts between the slashes of the path. A trailing slash adds none. */
  readonly sent: readonly string[];
  /** The same parts, percent-decoded once, so that `%2F` is a character of its segment. */
  readonly segments: readonly string[];
};

/** A matched route: its parameters, decoded and as they were sent, and the rest of the target, still encoded. */
export type Aim = Pick<Target, 'path' | 'query'> & {
  readonly params: Readonly<Record<string, string>>;
  readonly sent: Readonly<Record<string, string>>;
};

/**
 * Longer paths match no route. The longest secret has 1,024 characters, which are 12,288 bytes when each takes three
 * escapes; the rest of the path is much shorter than the remaining bytes. Node refuses heads of more than 16 KiB.
 */
export const MAX_PATH_BYTES = 14_336;

/** Parses `/path?query` or `http://host/path?query`. */
export function targetOf(url: string): Target {
  const start = url.charCodeAt(0) === SLASH ? 0 : originEnd(url);
  const mark = url.indexOf('?', start);
  const path = mark === -1 ? url.slice(start) : url.slice(start, mark);
  const sent = path.length > MAX_PATH_BYTES ? [] : segmentsOf(path);
  return {
    path,
    query: mark === -1 ? '' : url.slice(mark + 1),
    sent,
    segments: NEEDS_DECODING.test(path) ? sent.map(decodePercent) : sent,
  };
}

const SLASH = 47;
const NEEDS_DECODING = /[%\u0080-\uffff]/;

/** Where the path starts in a target in absolute form, which proxies send. */
function originEnd(url: string): number {
  return /^https?:\/\/[^/?#]*/i.exec(url)?.[0].length ?? 0;
}

function segmentsOf(path: string): string[] {
  if (path === '' || path === '/') return [];
  // `*`, the target of a server-wide OPTIONS, is no path.
  if (path.charCodeAt(0) !== SLASH) return [path];
  const end = path.charCodeAt(path.length - 1) === SLASH ? path.length - 1 : path.length;
  // Twice as fast as split, and needed for every request.
  const segments: string[] = [];
  for (let from = 1; from <= end;) {
    const slash = path.indexOf('/', from);
    const to = slash === -1 || slash > end ? end : slash;
    segments.push(path.slice(from, to));
    from = to + 1;
  }
  return segments;
}

/** An id that a column can hold, in plain decimals; null for any other text, such as one with a leading zero (contract, decisions). */
export function idIn(text: string): number | null {
  if (!/^[1-9]\d{0,9}$/.test(text)) return null;
  const id = Number(text);
  return id <= GREATEST_ID ? id : null;
}

const GREATEST_ID = 2_147_483_647;

type Node<T> = {
  readonly words: Map<string, Node<T>>;
  any: Node<T> | undefined;
  /**
   * Patterns that continue after a parameter of several segments, the longest first, so that the parameter gets as few as
   * possible.
   */
  readonly tails: Tail<T>[];
  leaf: Leaf<T> | undefined;
  /** The value of a pattern that ends in `*` here: for every path below this node without a more specific pattern. */
  below: Leaf<T> | undefined;
};
type Leaf<T> = { readonly value: T; readonly names: readonly string[] };
type Tail<T> = { readonly words: readonly string[]; readonly leaf: Leaf<T> };
type Params = Readonly<Record<string, string>>;

/** The parameters decoded, and the same as they were sent. */
export type PathMatch<T> = { readonly value: T; readonly params: Params; readonly sent: Params };

/**
 * Finds the value registered for a path, in time linear in the path's length: a pattern has at most one parameter of
 * several segments, followed by literal words only, so its end is counted from the end of the path. A literal word takes
 * precedence over a parameter, a longer pattern over a prefix (`*`).
 */
export class PathTable<T> {
  readonly #root: Node<T> = newNode();

  /**
   * `pattern` as in `organizers/:organizer/events/:event`; `:secret+` matches one segment or more, even empty ones, for
   * clients that do not encode slashes; only literal words may follow it. `pretixdroid/*` is `pretixdroid` and every path
   * below it, `*` every path. Registering a pattern twice is a bug.
   */
  add(pattern: string, value: T): void {
    const parts = pattern.split('/').filter((text) => text !== '');
    const isBeginning = parts.at(-1) === '*';
    if (isBeginning) parts.pop();
    if (parts.includes('*')) throw new Error(`nothing may follow *: ${pattern}`);
    const names = parts.filter((part) => part.startsWith(':')).map((part) => part.slice(1).replace(/\+$/, ''));
    const several = parts.findIndex((part) => part.startsWith(':') && part.endsWith('+'));
    if (isBeginning && several !== -1) throw new Error(`${parts[several]} has no end before *: ${pattern}`);
    let node = this.#root;
    for (const part of several === -1 ? parts : parts.slice(0, several)) {
      node = part.startsWith(':') ? (node.any ??= newNode()) : childOf(node, part);
    }
    const leaf = { value, names };
    if (several === -1) {
      const place = isBeginning ? 'below' : 'leaf';
      if (node[place]) throw new Error(`the route ${pattern} exists twice`);
      node[place] = leaf;
      return;
    }
    const words = parts.slice(several + 1);
    if (words.some((word) => word.startsWith(':')))
      throw new Error(`only words may follow ${parts[several]}: ${pattern}`);
    if (node.tails.some((tail) => tail.words.join('/') === words.join('/'))) {
      throw new Error(`the route ${pattern} exists twice`);
    }
    node.tails.push({ words, leaf });
    node.tails.sort((a, b) => b.words.length - a.words.length);
  }

  /** The value registered for this path; undefined if there is none. */
  find({ segments, sent }: Pick<Target, 'segments' | 'sent'>): PathMatch<T> | undefined {
    const ends: number[] = [];
    const leaf = walk(this.#root, segments, 0, ends);
    if (!leaf) return undefined;
    const params = valuesOf(leaf.names, segments, ends);
    return { value: leaf.value, params, sent: sent === segments ? params : valuesOf(leaf.names, sent, ends) };
  }
}

function newNode<T>(): Node<T> {
  return { words: new Map(), any: undefined, tails: [], leaf: undefined, below: undefined };
}

function childOf<T>(node: Node<T>, word: string): Node<T> {
  const child = node.words.get(word) ?? newNode<T>();
  node.words.set(word, child);
  return child;
}

/** Visits each node at most once. Records in `ends` where each parameter begins and ends. */
function walk<T>(node: Node<T>, segments: readonly string[], at: number, ends: number[]): Leaf<T> | undefined {
  if (at === segments.length) return node.leaf ?? node.below;
  const segment = segments[at]!;
  const word = node.words.get(segment);
  const found = word && walk(word, segments, at + 1, ends);
  if (found) return found;
  if (node.any && segment !== '') {
    ends.push(at, at + 1);
    const leaf = walk(node.any, segments, at + 1, ends);
    if (leaf) return leaf;
    ends.length -= 2;
  }
  for (const { words, leaf } of node.tails) {
    const end = segments.length - words.length;
    // No secret is empty.
    if (end <= at || (end === at + 1 && segment === '')) continue;
    if (words.some((each, i) => each !== segments[end + i])) continue;
    ends.push(at, end);
    return leaf;
  }
  return node.below;
}

function valuesOf(names: readonly string[], segments: readonly string[], ends: readonly number[]): Params {
  const values: Record<string, string> = {};
  for (let i = 0; i < names.length; i++) {
    const from = ends[2 * i]!;
    const to = ends[2 * i + 1]!;
    values[names[i]!] = to === from + 1 ? segments[from]! : segments.slice(from, to).join('/');
  }
  return values;
}
