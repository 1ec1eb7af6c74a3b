import type { IncomingMessage } from 'node:http';
import busboy from 'busboy';
import { ClientGone, parseError, tooLarge, unsupportedMediaType, type ApiError } from './errors';
import { Fields, parseUrlEncoded } from './fields';
import { parseJson } from './json';
import { hasNoBody } from './unread-body';

/** A parsed body: a form, or any JSON value (integers too large for a number are bigints). An empty body is `{}`. */
export type Body = unknown;

export const MAX_BODY_BYTES = 2_621_440;
const MAX_FORM_FIELDS = 10_000;

const NOTHING = Buffer.alloc(0);

/** Reads and parses the body of a request. Throws ApiError (400, 413, 415) and ClientGone. */
export async function readBody(req: IncomingMessage): Promise<Body> {
  if (hasNoBody(req)) return {};
  const type = req.headers['content-type'] ?? '';
  const read = readerOf(type);
  // A chunked body may turn out to be empty, which is valid with any content type.
  if (!read && req.headers['content-length'] !== undefined) throw unsupportedMediaType(type);
  const bytes = await readBytes(req, MAX_BODY_BYTES);
  if (bytes.length === 0) return {};
  if (!read) throw unsupportedMediaType(type);
  return read(bytes, type);
}

/** The bytes of a body. Throws ApiError (413) and ClientGone. */
export function readBytes(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) =>
    collect(req, maxBytes, (error, bytes) => (error ? reject(error) : resolve(bytes))),
  );
}

export type Collected = (error: ApiError | ClientGone | undefined, bytes: Buffer) => void;

/** Collects the bytes of a body and calls back once; without copying when it arrives in one piece, as those of scans do. */
export function collect(req: IncomingMessage, maxBytes: number, done: Collected): void {
  if (req.destroyed) return done(new ClientGone(), NOTHING);
  if (Number(req.headers['content-length'] ?? 0) > maxBytes) return refuse(req, done);
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  let finished = false;

  function onData(chunk: Buffer): void {
    sizeBytes += chunk.length;
    if (sizeBytes <= maxBytes) return void chunks.push(chunk);
    finished = true;
    req.off('data', onData);
    refuse(req, done);
  }
  function finish(error?: ClientGone): void {
    if (finished) return;
    finished = true;
    done(error, chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks));
  }
  req.on('data', onData);
  req.on('end', () => finish());
  // 'close' is also emitted after a complete request; the error, with its stack, is only created for an incomplete one.
  const onGone = () => {
    if (!finished) finish(new ClientGone());
  };
  req.on('error', onGone);
  req.on('close', onGone);
}

/** 413. The rest of the body is dropped when the reply is written. */
function refuse(req: IncomingMessage, done: Collected): void {
  req.pause();
  done(tooLarge(), NOTHING);
}

type Reader = (bytes: Buffer, type: string) => Body | Promise<Body>;

function readerOf(type: string): Reader | undefined {
  if (type === 'application/json') return parseJson;
  const semicolon = type.indexOf(';');
  switch ((semicolon === -1 ? type : type.slice(0, semicolon)).trim().toLowerCase()) {
    case 'application/json':
      return parseJson;
    case 'application/x-www-form-urlencoded':
      return parseForm;
    case 'multipart/form-data':
      return parseMultipart;
    default:
      return undefined;
  }
}

function parseForm(bytes: Buffer): Fields {
  const fields = parseUrlEncoded(bytes.toString('latin1'), MAX_FORM_FIELDS);
  if (!fields) throw parseError('Form parse error - Too many fields');
  return fields;
}

/** The text fields of a multipart form; files are ignored. */
function parseMultipart(bytes: Buffer, type: string): Promise<Fields> {
  return new Promise((resolve, reject) => {
    const refused = () => reject(parseError('Multipart form parse error - Invalid form data'));
    const pairs: [string, string][] = [];
    try {
      const form = busboy({
        headers: { 'content-type': type },
        defParamCharset: 'utf8',
        limits: { fieldSize: MAX_BODY_BYTES, fieldNameSize: 1000, parts: MAX_FORM_FIELDS },
      });
      form.on('field', (name, value) => pairs.push([name, value]));
      form.on('file', (_name, file) => file.resume());
      form.on('partsLimit', refused);
      form.on('error', refused);
      form.on('close', () => resolve(new Fields(pairs)));
      form.end(bytes);
    } catch {
      refused();
    }
  });
}
