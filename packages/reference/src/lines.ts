/** The lines of a stream of bytes, as many at a time as each piece of it ends. The last one may lack its end. */
export async function* lines(pieces: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let rest: Buffer[] = [];
  for await (const piece of pieces) {
    const found: string[] = [];
    let start = 0;
    for (let end = piece.indexOf(10); end >= 0; end = piece.indexOf(10, start)) {
      const line = piece.subarray(start, end);
      found.push(rest.length > 0 ? Buffer.concat([...rest, line]).toString('utf8') : line.toString('utf8'));
      rest = [];
      start = end + 1;
    }
    if (start < piece.length) rest.push(piece.subarray(start));
    yield found;
  }
  yield [Buffer.concat(rest).toString('utf8')];
}
