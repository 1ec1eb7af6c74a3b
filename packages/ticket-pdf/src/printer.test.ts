import {
  VALUES,
  NAMES,
  BATCH,
  closePrinter,
  pdfOf,
  printed,
  scanned,
  secretOf,
  seen,
  ticketsOf,
} from '@gatehouse/test-support/seen-pdf';
import { openPrinter, type Printer } from './printer';
import { CHUNKS_UNDER_WAY } from './protocol';
import { type Ticket } from './ticket';

const KIB_64 = 64 * 1024;

afterAll(closePrinter);

describe('A printer (issue 13, contract §9.4)', () => {
  let printer: Printer;
  beforeEach(() => (printer = openPrinter()));
  afterEach(() => printer.close());

  it('prints one page per ticket, on each the QR code of its own secret', async () => {
    const printing = printer.print(BATCH, ticketsOf(40));
    const pages = await seen(await pdfOf(printing), 1);
    expect(pages.map(({ picture }) => scanned(picture))).toEqual(ticketsOf(40).map(({ secret }) => secret));
    expect(printing).toMatchObject({ tickets: 40, pages: 40, omissions: [] });
  });

  it('prints codes of secrets of any form, beside each other', async () => {
    const secrets = [
      'x',
      'A'.repeat(64),
      '0123456789'.repeat(5),
      'ünï/cödé +%?&',
      '票'.repeat(40),
      'b'.repeat(500),
      'y',
    ];
    const tickets = secrets.map((secret) => ({ secret, values: VALUES }));
    const pages = await seen(await pdfOf(printer.print(BATCH, tickets)), 2);
    expect(pages.map(({ picture }) => scanned(picture))).toEqual(secrets);
  });

  it('leaves out, and names, what no QR code holds', async () => {
    const printing = printer.print(BATCH, [{ secret: '票'.repeat(1000), values: VALUES }]);
    const [page] = await seen(await pdfOf(printing), 1);
    expect(scanned(page!.picture)).toBeNull();
    expect(printing.omissions).toEqual([
      expect.objectContaining({ what: 'barcodearea', why: 'no QR code holds more than 2953 bytes' }),
    ]);
  });

  it('writes event, product, price, code and names in many scripts as text that can be searched', async () => {
    const tickets = ticketsOf(NAMES.length, (n) => ({ attendee_name: NAMES[n]! }));
    const printing = printer.print(BATCH, tickets);
    const pages = await seen(await pdfOf(printing), 0.2);
    for (const [n, { text }] of pages.entries()) {
      for (const word of ['Open Air Demo', '3-day pass - Regular', '€149.00', 'A0B1C2D', secretOf(n)])
        expect(text).toContain(word);
      // Joined letters of Arabic bring signs of their own.
      for (const part of NAMES[n]!.split(/[ -]/)) expect(text.replace(/[\u0000-\u0009]/g, '')).toContain(part);
    }
    expect(printing.omissions).toEqual([]);
  });

  it('takes tickets and memory no faster than its chunks are taken, over 10,000 pages', async () => {
    let asked = 0;
    function* source(): Generator<Ticket> {
      for (asked = 1; asked <= 10_000; asked++) yield { secret: secretOf(asked), values: VALUES };
    }
    let bytes = 0;
    const lengths: number[] = [];
    let ahead = 0;
    const printing = printer.print(BATCH, source());
    for await (const chunk of printing) {
      lengths.push(chunk.length);
      bytes += chunk.length;
      // A page of the default layout is more than 1,500 bytes, so what was asked for and has not come is at most this many bytes.
      ahead = Math.max(ahead, asked * 1500 - bytes);
    }
    expect(printing).toMatchObject({ tickets: 10_000, pages: 10_000 });
    expect(bytes / 10_000).toBeGreaterThan(1500);
    expect(new Set(lengths.slice(0, -1))).toEqual(new Set([KIB_64]));
    expect(lengths.at(-1)).toBeLessThanOrEqual(KIB_64);
    expect(ahead).toBeLessThan((CHUNKS_UNDER_WAY + 4) * KIB_64);
  });

  it('stops drawing when nobody takes its chunks any more, and asks no more tickets', async () => {
    let asked = 0;
    let released = false;
    function* source(): Generator<Ticket> {
      try {
        for (;;) yield { secret: secretOf(asked++), values: VALUES };
      } finally {
        released = true;
      }
    }
    for await (const chunk of printer.print(BATCH, source())) {
      expect(chunk.subarray(0, 5).toString()).toBe('%PDF-');
      break;
    }
    expect(released).toBe(true);
    expect(asked).toBeLessThan(2000);
    const after = await seen(await pdfOf(printer.print(BATCH, ticketsOf(1))), 1);
    expect(scanned(after[0]!.picture)).toBe(secretOf(0));
  });

  it('prints documents side by side, a short one before a long one has ended', async () => {
    const ended: string[] = [];
    const of = (name: string, count: number) =>
      pdfOf(printer.print(BATCH, ticketsOf(count))).then(() => ended.push(name));
    await Promise.all([of('long', 2000), of('short', 1)]);
    expect(ended).toEqual(['short', 'long']);
  });

  it('throws what its tickets throw, and prints the next document', async () => {
    function* source(): Generator<Ticket> {
      yield* ticketsOf(70);
      throw new Error('the database is away');
    }
    await expect(pdfOf(printer.print(BATCH, source()))).rejects.toThrow('the database is away');
    expect(await seen(await pdfOf(printer.print(BATCH, ticketsOf(2))), 0.1)).toHaveLength(2);
  });

  it('fails when its thread ends, and begins another with the next document', async () => {
    const printing = printer.print(BATCH, ticketsOf(5000));
    const failed = (async () => {
      for await (const chunk of printing) if (chunk.length > 0) await printer.close();
    })();
    await expect(failed).rejects.toThrow('The thread that draws tickets has ended.');
    expect(await seen(await pdfOf(printer.print(BATCH, ticketsOf(1))), 0.1)).toHaveLength(1);
  });

  it('makes a document of an empty page when there is no ticket', async () => {
    const printing = printer.print(BATCH, []);
    expect(await seen(await pdfOf(printing), 0.1)).toHaveLength(1);
    expect(printing).toMatchObject({ tickets: 0, pages: 1 });
  });
});

describe('Values (contract §5.1)', () => {
  it("come from the ticket, else from the batch; a ticket's other languages where an element asks for one", async () => {
    const area = { type: 'textarea', left: 10, width: 80, fontsize: 10 };
    const { pdf, printing } = await printed(
      {
        layout: [
          { ...area, bottom: 90, content: 'event_name' },
          { ...area, bottom: 80, content: 'item' },
          { ...area, bottom: 70, content: 'item', locale: 'de' },
          { ...area, bottom: 60, content: 'other_i18n', text_i18n: { en: 'Hello {order}', de: 'Hallo {order}' } },
          { ...area, bottom: 50, content: 'nothing_like_it' },
          { ...area, bottom: 40, content: 'event_name', locale: 'de' },
          { ...area, bottom: 30, content: 'event_name', locale: 'fr' },
        ],
        values: { event_name: 'Shared', item: 'nobody' },
        valuesIn: { de: { event_name: 'Gemeinsam', item: 'niemand' } },
      },
      [
        {
          secret: 's',
          locale: 'de',
          values: { item: 'Day pass', order: 'ABC' },
          valuesIn: { de: { item: 'Tageskarte' } },
        },
      ],
    );
    const [page] = await seen(pdf, 0.1);
    expect(page!.text.trim().split('\n')).toEqual([
      ...['Shared', 'Day pass', 'Tageskarte', 'Hallo ABC', 'Gemeinsam', 'Shared'],
    ]);
    expect(printing.omissions).toContainEqual({
      element: 4,
      what: '{nothing_like_it}',
      why: 'the tickets have no value of this name',
    });
  });
});
