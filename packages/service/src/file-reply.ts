import { notSatisfiable } from './errors';
import type { ApiRequest } from './api-request';
import { isKnown } from './conditional';
import type { Reply } from './reply';

/** A file that never changes. */
export type SentFile = {
  /** The name under which the client stores it. */
  readonly name: string;
  /** As in `application/pdf`. */
  readonly type: string;
  /** In bytes. */
  readonly size: number;
  /** What tells this file from all others: letters, digits and `-`. */
  readonly tag: string;
  /** The bytes from `from` up to `to`, which is not among them. */
  read(from: number, to: number): AsyncIterable<Buffer>;
};

/**
 * A file to be stored, or the part of it that the request asks for (RFC 9110, 14): 200, 206, or 416 for a part beyond its
 * end. A client whose download was interrupted goes on where it was. Several parts at once are answered with the whole, and a
 * client that has the file already (If-None-Match) with 304.
 */
export function fileReply(request: ApiRequest, file: SentFile): Reply {
  const { size } = file;
  const tag = `"${file.tag}"`;
  const headers = {
    'Content-Type': file.type,
    'Content-Disposition': attachment(file.name),
    'Accept-Ranges': 'bytes',
    ETag: tag,
  };
  if (isKnown(request.header('if-none-match'), tag)) return { status: 304, headers: { ETag: tag } };
  const condition = request.header('if-range');
  // Ranges are defined for GET only. A part of another file than the client has begun with is of no use to it.
  const isForAll = request.method !== 'GET' || (condition !== undefined && condition !== tag);
  const range = isForAll ? undefined : rangeIn(request.header('range'), size);
  if (range === 'beyond') throw notSatisfiable(size);
  const { from, to } = range ?? { from: 0, to: size };
  const stream = { length: to - from, read: () => file.read(from, to) };
  if (range === undefined) return { status: 200, headers, stream };
  return { status: 206, headers: { ...headers, 'Content-Range': `bytes ${from}-${to - 1}/${size}` }, stream };
}

type Range = { readonly from: number; readonly to: number };

/** The one range of a Range header, its end not included; undefined for any header that must be ignored. */
export function rangeIn(header: string | undefined, size: number): Range | 'beyond' | undefined {
  const [, first, last] = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(header ?? '') ?? [];
  if (first === undefined || last === undefined || first + last === '') return undefined;
  if (first === '') {
    const from = Math.max(0, size - Number(last));
    return from < size ? { from, to: size } : 'beyond';
  }
  const from = Number(first);
  const to = last === '' ? size : Number(last) + 1;
  if (to <= from && last !== '') return undefined;
  return from < size ? { from, to: Math.min(to, size) } : 'beyond';
}

/** With the name in ASCII for old clients, and as it is for the others (RFC 6266). */
export function attachment(name: string): string {
  const plain = name.replace(/[^ !#-.0-[\]-~]/g, '_');
  if (plain === name) return `attachment; filename="${name}"`;
  const encoded = encodeURIComponent(name.replace(/\p{Surrogate}/gu, '_')).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
