import type { Admission } from '@gatehouse/admission/admission';
import type { TicketFinder } from '@gatehouse/admission/tickets/find';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { instantOf } from '@gatehouse/domain/instant';
import { notFound } from '@gatehouse/service/errors';
import { attachment } from '@gatehouse/service/file-reply';
import { route, type Route } from '@gatehouse/service/http';
import { idIn } from '@gatehouse/service/path';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import type { Festival } from '@gatehouse/shop/festival';
import { layoutFor, layoutOf } from '@gatehouse/shop/layouts';
import { pdfData } from '@gatehouse/shop/pdf-data';
import { localesOf } from '@gatehouse/ticket-pdf/layout';
import type { Batch, Ticket as Printed } from '@gatehouse/ticket-pdf/ticket';
import { isDownloadable } from './position';
import type { TicketPrinter } from './ticket-printer';

const TYPE = 'application/pdf';

/** A ticket's own PDF, to which the links in `downloads` of its position lead (contract §5.1). */
export function downloadRoute(
  admission: Admission,
  { finder, printer }: { finder: TicketFinder; printer: TicketPrinter },
): Route {
  return route(`${EVENT_PATH}orderpositions/:position/download/:output/`, {
    name: 'orderposition-download',
    access: { safe: 'can_view_orders', unsafe: 'can_change_orders' },
    sends: TYPE,
    async GET(request) {
      const festival = festivalOf(request, admission);
      const id = idIn(request.param('position'));
      if (id === null || request.param('output') !== 'pdf') throw notFound();
      await admission.caughtUp(['tickets']);
      const ticket = await finder.ofEvent(festival.key, id);
      if (!ticket || !isDownloadable(ticket, festival)) throw notFound();
      const raw = await printer.print(() => printedOf(ticket, festival, admission));
      const { order, positionid } = ticket.facts;
      const name = `${festival.fact.event.toUpperCase()}-${order.code}-${positionid}-pdf.pdf`;
      return { status: 200, raw, headers: { 'Content-Type': TYPE, 'Content-Disposition': attachment(name) } };
    },
  });
}

/** A ticket and its layout: that of its batch, else the one of its product and sales channel. */
async function printedOf(
  ticket: Ticket,
  festival: Festival,
  { pool, catalog }: Admission,
): Promise<{ batch: Batch; ticket: Printed }> {
  const { facts, item } = ticket;
  const { fact } = festival;
  const ofBatch = facts.layout === undefined ? undefined : await layoutOf(pool, fact, facts.layout);
  const found = ofBatch ?? (await layoutFor(pool, fact, item, facts.order.sales_channel));
  const { layout, ...files } = found ?? { layout: null };
  const at = { festival, organizer: catalog.organizer(fact.organizer), now: instantOf(Date.now()) };
  const valuesIn = (locale: string) =>
    pdfData({ ...ticket, facts: { ...facts, order: { ...facts.order, locale } } }, at);
  const values = pdfData(ticket, at);
  return {
    batch: { layout, ...files, locale: fact.locale, title: values['event_name']! },
    ticket: {
      secret: facts.secret,
      locale: facts.order.locale,
      values,
      valuesIn: Object.fromEntries(localesOf(layout).map((locale) => [locale, valuesIn(locale)])),
    },
  };
}
