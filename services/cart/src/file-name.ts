/** In quotes or bare: a name and a value of a header's parameter. */
const PARAMETER = /;\s*([\w!#$%&'+.^`|~*-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g;

/**
 * The name of the file that a `Content-Disposition` header announces, without folders; undefined when it names none. `filename*` goes
 * before `filename` (RFC 6266). The header is as node gives it: one character per byte.
 */
export function fileNameIn(header: string | undefined): string | undefined {
  const parameters = new Map<string, string>();
  for (const [, name, quoted, bare] of (header ?? '').matchAll(PARAMETER)) {
    parameters.set(name!.toLowerCase(), quoted?.replace(/\\(.)/g, '$1') ?? bare!);
  }
  const name = extended(parameters.get('filename*')) ?? utf8(parameters.get('filename'));
  const last = name?.split(/[/\\]/).at(-1)?.trim();
  return last || undefined;
}

const utf8 = (bytes: string | undefined): string | undefined =>
  bytes === undefined ? undefined : Buffer.from(bytes, 'latin1').toString('utf8');

/** `UTF-8''na%C3%AFve.png` (RFC 8187). */
function extended(value: string | undefined): string | undefined {
  const [, encoded] = /^utf-8'[^']*'(.*)$/i.exec(value ?? '') ?? [];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}
