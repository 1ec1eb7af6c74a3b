import { TICKETS_AT_ONCE } from '@gatehouse/domain/batch';
import type { Catalog } from '@gatehouse/shop/catalog';
import { pdfData, type PrintedTicket } from '@gatehouse/shop/pdf-data';
import { localesOf } from '@gatehouse/ticket-pdf/layout';
import type { Batch, Ticket, Values } from '@gatehouse/ticket-pdf/ticket';
import type { BatchFinder, PrintableTicket, Where } from '../batches/find';
import type { PrintedBatch } from './files';

/** A layout as the shop states it, with its files by their names. */
export type PrintableLayout = Pick<Batch, 'layout' | 'background' | 'images'>;

/** What pages are made of. */
export type PageSource = {
  readonly catalog: Pick<Catalog, 'festival' | 'organizer'>;
  readonly tickets: BatchFinder['tickets'];
  /** Undefined: the event has no such layout. */
  layout(where: Where, id: number): Promise<PrintableLayout | undefined>;
};

/** It can never be drawn, for a reason that people may read (contract §9.4). */
export class Unprintable extends Error {}

/** What a printer needs to draw the tickets of a batch. Throws Unprintable. */
export async function pagesOf(
  source: PageSource,
  where: Where,
  batch: PrintedBatch,
): Promise<{ common: Batch; tickets: AsyncIterable<Ticket> }> {
  const festival = source.catalog.festival(where.organizer, where.event);
  if (!festival) throw new Unprintable('The event does not exist any more.');
  const layout = await source.layout(where, batch.layout);
  if (!layout) throw new Unprintable('The ticket layout does not exist any more.');
  const first = await source.tickets(batch.job, 0, TICKETS_AT_ONCE);
  if (!first[0]) throw new Error('a batch has no tickets');
  const { price, locale } = first[0];
  const at = { festival, organizer: source.catalog.organizer(where.organizer), now: new Date().toISOString() };
  const valuesIn = (language: string) => commonValues(pdfData(exampleOf(batch, price, language), at));
  return {
    common: {
      ...layout,
      locale,
      title: at.organizer ? `${valuesIn(locale)['event_name']}, ${at.organizer.name}` : valuesIn(locale)['event_name']!,
      values: valuesIn(locale),
      valuesIn: Object.fromEntries(localesOf(layout.layout).map((language) => [language, valuesIn(language)])),
    },
    tickets: ticketsOf(source, batch, first),
  };
}

/** As many at a time as were issued together, which are stored together. All have one price and one language. */
async function* ticketsOf(
  source: PageSource,
  { job, amount }: PrintedBatch,
  first: readonly PrintableTicket[],
): AsyncGenerator<Ticket, void> {
  let [part, read] = [first, first.length];
  while (part.length > 0) {
    yield* part.map(({ code, secret }) => ({ secret, values: { order: code, positionid: POSITION } }));
    part = await source.tickets(job, read, TICKETS_AT_ONCE);
    read += part.length;
  }
  if (read !== amount) throw new Error(`a batch of ${amount} tickets has ${read}`);
}

/** Each ticket is the only position of its order. */
const POSITION = '1';

/** The batch's tickets differ in their secrets and codes alone; the shop knows no attendee or seat of them. */
function exampleOf({ subevent, item, variation }: PrintedBatch, price: string, locale: string): PrintedTicket {
  return {
    ...{ date: subevent, item, variation },
    facts: {
      ...{ secret: '', positionid: 1, price, printed: { name: null, parts: {} }, seat: null, addons: [] },
      order: { code: '', locale, invoice: null },
    },
  };
}

/** Without what each ticket has of its own: another language of a text must not bring that of the example. */
function commonValues({ secret: _secret, order: _order, positionid: _positionid, ...common }: Values): Values {
  return common;
}
