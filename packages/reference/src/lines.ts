/** A line has more bytes than allowed. */
export class LineTooLong extends Error {
  override name = 'LineTooLong';
}

/** The lines of a stream of bytes, in groups as they arrive. The last line may lack its line end. */
export async function* lines(pieces: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  const found = byteLines(pieces);
  try {
    for (;;) {
      const next = await found.next();
      const ended = next.done ? [next.value] : next.value;
      yield ended.map((line) => line.toString('utf8'));
      if (next.done) return;
    }
  } finally {
    await found.return(Buffer.alloc(0));
  }
}

/** Lines as bytes. The generator returns the bytes after the last line end. Throws LineTooLong above `most` bytes. */
export async function* byteLines(
  pieces: AsyncIterable<Buffer>,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer[], Buffer> {
  let rest: Buffer[] = [];
  let bytes = 0;
  for await (const piece of pieces) {
    const found: Buffer[] = [];
    let start = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      const line = piece.subarray(start, end);
      found.push(rest.length > 0 ? Buffer.concat([...rest, line]) : line);
      rest = [];
      bytes = 0;
      start = end + 1;
    }
    if (start < piece.length) rest.push(piece.subarray(start));
    bytes += piece.length - start;
    if (bytes > most) throw new LineTooLong(`a line has more than ${most} bytes`);
    yield found;
  }
  return Buffer.concat(rest);
}
