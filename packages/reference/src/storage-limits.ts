import { MAX_APPEND_BYTES } from '@gatehouse/eventing/event-store';
import { isStorable } from '@gatehouse/domain/storable-text';
import type { ReadObject } from './entry';
import type { Issue } from './raw';
import type { OrderContent } from './raw-orders';
import type { Spooled } from './spool';

/** An append is slightly larger than its content. */
const MAX_CONTENT_BYTES = MAX_APPEND_BYTES - 1_000;

/** An object with all that its facts say. */
type Stored = Exclude<ReadObject, { kind: 'order' }> | { readonly kind: 'order'; readonly content: OrderContent };

/** The parts of an object that no event store could store: a NUL, a lone surrogate, more bytes than one append may have. */
export function storageIssues(object: Stored, spooled: readonly Spooled[]): Issue[] {
  return spooled.flatMap(({ json }) => [...textIssues(object, json), ...sizeIssues(object, json)]);
}

function textIssues({ content }: Stored, json: string): Issue[] {
  if (!json.includes('\\u') || !/(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/.test(json)) return [];
  return [{ path: unstorableIn(content, '') ?? '', reason: 'has a NUL or half a surrogate pair in a text' }];
}

/** The path of a text that cannot be stored. */
function unstorableIn(value: unknown, path: string): string | undefined {
  if (typeof value === 'string') return isStorable(value) ? undefined : path;
  if (typeof value !== 'object' || value === null) return undefined;
  for (const [key, below] of Object.entries(value)) {
    if (!isStorable(key)) return path;
    const step = Array.isArray(value) ? `[${key}]` : path === '' ? key : `.${key}`;
    const found = unstorableIn(below, path + step);
    if (found !== undefined) return found;
  }
  return undefined;
}

function sizeIssues(object: Stored, json: string): Issue[] {
  // A UTF-16 unit is at most three bytes, so most objects need no measuring.
  if (json.length * 3 < MAX_CONTENT_BYTES) return [];
  if (object.kind === 'order') return partIssues(object.content);
  // It is divided anyhow.
  if (object.kind === 'layoutfile') return [];
  return tooLarge('', Buffer.byteLength(json));
}

/** An order may be split into parts, but neither its common fields nor a single position can (order-parts.ts). */
function partIssues({ positions, ...rest }: OrderContent): Issue[] {
  const restBytes = sizeOf(rest);
  const issues = tooLarge('', restBytes);
  if (issues.length > 0) return issues;
  return positions.flatMap((position, i) => tooLarge(`positions[${i}]`, restBytes + sizeOf(position)));
}

function tooLarge(path: string, bytes: number): Issue[] {
  if (bytes <= MAX_CONTENT_BYTES) return [];
  return [{ path, reason: `is too large: ${bytes} bytes of at most ${MAX_CONTENT_BYTES}` }];
}

const sizeOf = (content: object): number => Buffer.byteLength(JSON.stringify(content));
