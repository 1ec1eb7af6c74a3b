import { gunzipSync, inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { PAGE_TICKETS, ticketBook, type Edition, type Line, type TicketBook } from './ticket-book';

const line = (id: number, more: Partial<Line> = {}): Line => ({
  id,
  positionid: 1,
  before: `{"secret": "secret-ü-${id}", "redeemed": `,
  after: `, "paid": true}`,
  flag: false,
  ...more,
});
const lines = (count: number, first = 0): Line[] => Array.from({ length: count }, (_none, n) => line(first + n));
const textOf = (all: readonly Line[]): unknown =>
  JSON.parse(`[${all.map(({ before, flag, after }) => before + String(flag) + after).join(', ')}]`);

const bytesOf = ({ parts }: Edition): Buffer => Buffer.concat(parts);
/** Decompressed, which checks CRC and length, and parsed. */
const read = (book: TicketBook): unknown => JSON.parse(gunzipSync(bytesOf(book.edition('[', ']'))).toString());

test.each([0, 1, 2, PAGE_TICKETS, PAGE_TICKETS + 1, 3 * PAGE_TICKETS - 1])(
  '%i tickets read as they were written',
  (count) => {
    const book = ticketBook();
    book.append(lines(count));
    expect(read(book)).toEqual(textOf(lines(count)));
    const edition = book.edition('[', ']');
    expect(edition.packedBytes).toBe(bytesOf(edition).length);
    expect(edition.textBytes).toBe(gunzipSync(bytesOf(edition)).length);
  },
);

test('a book is one gzip member: the HTTP library of the old app refuses a second one', () => {
  const book = ticketBook();
  book.append(lines(3 * PAGE_TICKETS));
  const [header, trailer] = [10, 8];
  const bytes = bytesOf(book.edition('[', ']'));
  const { engine } = inflateRawSync(bytes.subarray(header), { info: true }) as unknown as {
    engine: { bytesWritten: number };
  };
  expect(engine.bytesWritten).toBe(bytes.length - header - trailer);
});

test('an edition stays as it was, whatever happens to its book', () => {
  const book = ticketBook();
  book.append(lines(2 * PAGE_TICKETS));
  const before = book.edition('[', ']');
  book.setFlags(
    new Map([
      [0, true],
      [PAGE_TICKETS, true],
    ]),
  );
  const after = book.edition('[', ']');
  expect(JSON.parse(gunzipSync(bytesOf(before)).toString())).toEqual(textOf(lines(2 * PAGE_TICKETS)));
  expect(after.tag).not.toBe(before.tag);
  book.setFlags(
    new Map([
      [0, false],
      [PAGE_TICKETS, false],
    ]),
  );
  expect(book.edition('[', ']').tag).toBe(before.tag);
});

test('an edition is bound once, until something changes', () => {
  const book = ticketBook();
  book.append(lines(2 * PAGE_TICKETS));
  const edition = book.edition('[', ']');
  book.setFlags(new Map([[7, lines(8)[7]!.flag]]));
  expect(book.edition('[', ']')).toBe(edition);
  expect(JSON.parse(gunzipSync(bytesOf(book.edition('[', ', 1]'))).toString())).toHaveLength(2 * PAGE_TICKETS + 1);
  book.setFlags(new Map([[7, !lines(8)[7]!.flag]]));
  expect(book.edition('[', ']').tag).not.toBe(edition.tag);
});

test('a mark touches only the pages that it is about', () => {
  const book = ticketBook();
  book.append(lines(3 * PAGE_TICKETS));
  const before = book.edition('[', ']').parts;
  book.setFlags(
    new Map([
      [PAGE_TICKETS + 7, true],
      [999_999, true],
    ]),
  );
  const after = book.edition('[', ']').parts;
  expect(
    after.filter((part, i) => part.length > 8 && i > 1 && i < after.length - 3 && part !== before[i]),
  ).toHaveLength(1);
});

/** Changes of a book by shop and gates, and its expected content. */
type Change = {
  readonly ticket: number;
  readonly positionid: number;
  readonly to: 'gone' | 'there' | 'entered' | 'left';
};

test('whatever comes, goes, enters and leaves, the book reads as if written anew', async () => {
  const change = fc.record<Change>({
    ticket: fc.integer({ min: 0, max: 40 }),
    positionid: fc.integer({ min: 1, max: 3 }),
    to: fc.constantFrom('gone', 'there', 'entered', 'left'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(change, { maxLength: 8 }), { maxLength: 12 }), async (rounds) => {
      const book = ticketBook();
      const all = new Map<number, Line>();
      const sorted = () => [...all.values()].sort((a, b) => a.positionid - b.positionid || a.id - b.id);
      for (const round of rounds) {
        const marks = new Map<number, boolean>();
        const changed: Line[] = [];
        for (const { ticket, positionid, to } of round) {
          const known = all.get(ticket);
          if (to === 'entered' || to === 'left') {
            marks.set(ticket, to === 'entered');
            if (known) all.set(ticket, { ...known, flag: to === 'entered' });
          } else {
            // A ticket's positionid never changes.
            const now = line(ticket, {
              positionid: known?.positionid ?? positionid,
              after: `, "round": ${rounds.indexOf(round)}}`,
            });
            if (to === 'gone') all.delete(ticket);
            else if (!known) all.set(ticket, now);
            else continue;
            marks.delete(ticket);
            changed.push(now);
          }
        }
        for (const [page, ids] of book.pagesFor(changed)) {
          await book.replace(
            page,
            sorted().filter(({ id }) => ids.has(id)),
          );
        }
        book.setFlags(marks);
        expect(read(book)).toEqual(textOf(sorted()));
        expect(book.tickets).toBe(all.size);
      }
    }),
    { numRuns: 150 },
  );
});

test('pages split when they grow, and stay in order', async () => {
  const book = ticketBook();
  const even = lines(PAGE_TICKETS).map((each) => line(each.id * 2));
  book.append(even);
  const odd = lines(PAGE_TICKETS).map((each) => line(each.id * 2 + 1));
  const all = [...even, ...odd].sort((a, b) => a.id - b.id);
  for (const [page, ids] of book.pagesFor(odd))
    await book.replace(
      page,
      all.filter(({ id }) => ids.has(id)),
    );
  expect(read(book)).toEqual(textOf(all));
});
