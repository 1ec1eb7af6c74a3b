import { decodePercent } from './fields';

/** A request's target, taken apart: `path` still encoded, `query` without its question mark. */
export type Target = { readonly path: string; readonly query: string };

/** Takes `/path?query` or `http://host/path?query` apart. */
export function targetOf(url: string): Target {
  const start = url.charCodeAt(0) === SLASH ? 0 : originEnd(url);
  const mark = url.indexOf('?', start);
  if (mark === -1) return { path: url.slice(start), query: '' };
  return { path: url.slice(start, mark), query: url.slice(mark + 1) };
}

const SLASH = 47;

/** Where the path starts in a target in absolute form, as proxies send it. */
function originEnd(url: string): number {
  return /^https?:\/\/[^/?#]*/i.exec(url)?.[0].length ?? 0;
}

/**
 * The segments of a path, percent-decoded once, so that `%2F` is a character of its segment (contract, Lists). One slash
 * at the end is taken off; an empty segment stays and matches nothing.
 */
export function segmentsOf(path: string): string[] {
  if (path === '' || path === '/') return [];
  const end = path.endsWith('/') ? path.length - 1 : path.length;
  return path.slice(1, end).split('/').map(decodePercent);
}

type Node<T> = {
  readonly words: Map<string, Node<T>>;
  any: Node<T> | undefined;
  some: Node<T> | undefined;
  leaf: Leaf<T> | undefined;
};
type Leaf<T> = { readonly value: T; readonly names: readonly string[] };

export type PathMatch<T> = { readonly value: T; readonly params: Readonly<Record<string, string>> };

/** Finds what was registered for a path in one walk over its segments. A word goes before a parameter. */
export class PathTable<T> {
  readonly #root: Node<T> = newNode();

  /**
   * `pattern` as in `organizers/:organizer/events/:event`; `:secret+` takes one segment or more, as few as will do, for
   * clients that send slashes as they are. Registering one twice is a bug.
   */
  add(pattern: string, value: T): void {
    const names: string[] = [];
    let node = this.#root;
    for (const part of pattern.split('/').filter((text) => text !== '')) {
      if (part.startsWith(':')) names.push(part.slice(1).replace(/\+$/, ''));
      if (!part.startsWith(':')) node = childOf(node, part);
      else if (part.endsWith('+')) node = node.some ??= newNode();
      else node = node.any ??= newNode();
    }
    if (node.leaf) throw new Error(`the route ${pattern} exists twice`);
    node.leaf = { value, names };
  }

  /** What is registered for these segments; undefined for nothing. */
  find(segments: readonly string[]): PathMatch<T> | undefined {
    const values: string[] = [];
    const leaf = walk(this.#root, segments, 0, values);
    if (!leaf) return undefined;
    const params: Record<string, string> = {};
    leaf.names.forEach((name, index) => (params[name] = values[index]!));
    return { value: leaf.value, params };
  }
}

function newNode<T>(): Node<T> {
  return { words: new Map(), any: undefined, some: undefined, leaf: undefined };
}

function childOf<T>(node: Node<T>, word: string): Node<T> {
  const child = node.words.get(word) ?? newNode<T>();
  node.words.set(word, child);
  return child;
}

/** As deep as the longest pattern, whatever the path. Leaves the parameters' values in `values`. */
function walk<T>(node: Node<T>, segments: readonly string[], at: number, values: string[]): Leaf<T> | undefined {
  if (at === segments.length) return node.leaf;
  const segment = segments[at]!;
  const word = node.words.get(segment);
  const found = word && walk(word, segments, at + 1, values);
  if (found || segment === '') return found;
  return (
    (node.any && walkWith(segment, node.any, { segments, at: at + 1, values })) ??
    (node.some && walkSome(node.some, segments, at, values))
  );
}

function walkSome<T>(node: Node<T>, segments: readonly string[], at: number, values: string[]): Leaf<T> | undefined {
  for (let end = at + 1; end <= segments.length; end++) {
    // Only where the pattern can go on is it worth joining what lies behind.
    if (end < segments.length && !node.words.has(segments[end]!)) continue;
    const leaf = walkWith(segments.slice(at, end).join('/'), node, { segments, at: end, values });
    if (leaf) return leaf;
  }
  return undefined;
}

function walkWith<T>(
  value: string,
  node: Node<T>,
  rest: { segments: readonly string[]; at: number; values: string[] },
): Leaf<T> | undefined {
  rest.values.push(value);
  const leaf = walk(node, rest.segments, rest.at, rest.values);
  if (!leaf) rest.values.pop();
  return leaf;
}
