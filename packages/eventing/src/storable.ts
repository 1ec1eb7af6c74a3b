import { isStorable } from '@gatehouse/domain/storable-text';
import type { NewEvent } from '@gatehouse/events/envelope';
import { MAX_APPEND_BYTES, RejectedEvent } from './event-store';

/**
 * The events' data as JSON texts, and their size in bytes. Throws RejectedEvent for data that no store could keep, before
 * it joins a batch with others' appends. `undefined` is not stored, as in JSON.
 */
export function storable(stream: string, events: readonly NewEvent[]): { datas: (string | Buffer)[]; bytes: number } {
  if (events.length === 0) throw new RejectedEvent('nothing to append');
  requireText(stream);
  let bytes = 0;
  const datas = events.map((event) => {
    if (!UUID.test(event.id)) throw new RejectedEvent('an event needs a UUID');
    requireText(event.type);
    requireText(event.actor);
    if (event.trace !== null) requireText(event.trace);
    const data = event.data instanceof EncodedData ? encoded(event.data) : jsonOf(event.data);
    bytes += Buffer.byteLength(data);
    return data;
  });
  if (bytes > MAX_APPEND_BYTES) throw new RejectedEvent(`${bytes} bytes are more than one append may hold`);
  return { datas, bytes };
}

/**
 * What an event says, as JSON in UTF-8: for millions of events that were written as JSON before. Must be what the catalog's
 * `write` would return.
 */
export class EncodedData {
  constructor(readonly json: Buffer) {}

  toJSON(): unknown {
    return JSON.parse(this.json.toString());
  }
}

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
/**
 * NUL or a lone surrogate, as JSON escapes them: `\u` after an even number of backslashes (after an odd number it is an
 * escaped backslash followed by text).
 */
const UNSTORABLE_JSON = /(?<!\\)(?:\\\\)*\\u(?:0000|d[89a-f])/;

function requireText(text: string): void {
  if (!isStorable(text)) throw new RejectedEvent('NUL and lone surrogates cannot be stored');
}

function encoded({ json }: EncodedData): Buffer {
  if (json.includes('\\u') && UNSTORABLE_JSON.test(json.toString())) {
    throw new RejectedEvent('NUL and lone surrogates cannot be stored');
  }
  return json;
}

function jsonOf(data: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(data);
  } catch (cause) {
    throw new RejectedEvent('the data is not JSON', { cause });
  }
  if (json === undefined) throw new RejectedEvent('an event needs data');
  if (json.includes('\\u') && UNSTORABLE_JSON.test(json)) {
    throw new RejectedEvent('NUL and lone surrogates cannot be stored');
  }
  return json;
}
