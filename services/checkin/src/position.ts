import { shownAnswers } from '@gatehouse/shop/answers';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { Festival } from '@gatehouse/shop/festival';
import { pdfData } from '@gatehouse/shop/pdf-data';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { shownStatus } from '@gatehouse/admission/tickets/query';
import { expanded } from './expand';
import { requiresAttention } from '@gatehouse/admission/products';
import type { ItemFact } from '@gatehouse/events/reference';
import { instantOf } from '@gatehouse/domain/instant';
import type { Admissions, CheckIn } from '@gatehouse/domain/ticket';
import type { Principal } from '@gatehouse/service/auth';

/** What the resource needs besides the ticket itself. */
export type PositionView = {
  readonly festival: Festival;
  readonly catalog: Catalog;
  readonly list: number;
  /** Scheme and host of links; called only if there is one. */
  readonly baseUrl: () => string;
  readonly pdfData: boolean;
  readonly reader: Principal;
  /** By a route of newer versions: with all that they show (contract §10, 4.12 and later), and these parts as whole objects. */
  readonly newer?: { readonly expand: ReadonlySet<string> };
};

/**
 * The order position resource of contract §5.1 as JSON text, its keys in their order. `history` is that of the shown moment. What only the
 * order changes was written when it did.
 */
export function positionText(ticket: Ticket, history: Admissions, view: PositionView): string {
  const { start, middle, end } = ticket.prepared;
  const checkin = history.checkins[view.list];
  const checkins = checkin ? JSON.stringify([checkinResource(checkin, view)]) : '[]';
  const pdf = view.pdfData ? `,"pdf_data":${JSON.stringify(pdfDataOf(ticket, view))}` : '';
  const attention = requiresAttention(ticket, view.festival);
  const status = shownStatus(ticket.status);
  const text =
    `${start}${checkins},"downloads":${downloads(ticket, view)},"answers":${answers(ticket, history, view)}` +
    `${middle}${pdf}${end},"require_attention":${attention},"order__status":"${status}"`;
  if (!view.newer) return `${text}}`;
  const whole = `${text}${newerMembers(ticket)}}`;
  const { expand } = view.newer;
  if (expand.size === 0) return whole;
  return JSON.stringify(expanded(JSON.parse(whole) as Record<string, unknown>, view.festival, expand));
}

/** The buyer's answers with those given at gates laid over. */
function answers({ prepared }: Ticket, history: Admissions, { festival }: PositionView): string {
  if (Object.keys(history.answers).length > 0) {
    const stated = JSON.parse(prepared.answers) as Ticket['facts']['answers'];
    const questionOf = (id: number) => festival.questions.find((question) => question.id === id);
    return JSON.stringify(shownAnswers(stated, history.answers, questionOf));
  }
  return prepared.answers;
}

/** With its type (contract §10, 3.9) for an app that has told its name: those of today insist on it (clients.md §3). */
const checkinResource = ({ datetime, auto }: CheckIn, { list, reader, newer }: PositionView) => ({
  datetime,
  list,
  auto_checked_in: auto,
  ...(reader.app === undefined && !newer ? {} : { type: 'entry' }),
});

/** What newer versions show besides of every ticket (contract §10, 4.17), each member after a comma. */
function newerMembers({ status, prepared }: Ticket): string {
  const validity = prepared.showsValidity ? '' : ',"valid_from":null,"valid_until":null,"blocked":null';
  // Of a paid order it does not matter any more whether it would be valid.
  return `${validity},"order__valid_if_pending":${status === 'v'},"order__require_approval":${prepared.unapproved},"order__locale":${prepared.locale}`;
}

const pdfDataOf = (ticket: Ticket, { festival, catalog }: PositionView) =>
  pdfData(ticket, { festival, organizer: catalog.organizer(festival.fact.organizer), now: instantOf(Date.now()) });

/** Links to the printable ticket (download.ts serves it), as JSON. */
function downloads(ticket: Ticket, { festival, baseUrl }: PositionView): string {
  if (!isDownloadable(ticket, festival)) return '[]';
  const event = `${baseUrl()}/api/v1/organizers/${festival.fact.organizer}/events/${festival.fact.event}`;
  return JSON.stringify([{ output: 'pdf', url: `${event}/orderpositions/${ticket.id}/download/pdf/` }]);
}

/** Whether the shop offers a ticket to be printed (contract §5.1 `downloads`). */
export function isDownloadable(ticket: Ticket, festival: Festival): boolean {
  const { settings } = festival.fact;
  const item = festival.items.get(ticket.item);
  if (!settings.ticket_download || !item) return false;
  const pending = shownStatus(ticket.status) === 'n' && settings.ticket_download_pending && !ticket.prepared.unapproved;
  return (ticket.status === 'p' || pending) && generatesTicket(ticket, item, settings);
}

function generatesTicket(ticket: Ticket, item: ItemFact, settings: Festival['fact']['settings']): boolean {
  if (item.generate_tickets !== null) return item.generate_tickets;
  if (ticket.prepared.isAddon && !settings.ticket_download_addons) return false;
  return item.admission || settings.ticket_download_nonadm;
}
