import { shownAnswers } from '@gatehouse/shop/answers';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { Festival } from '@gatehouse/shop/festival';
import { pdfData } from '@gatehouse/shop/pdf-data';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { shownStatus } from '@gatehouse/admission/tickets/query';
import type { ShownFacts } from '@gatehouse/admission/tickets/row';
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

/** The order position resource of contract §5.1, its keys in their order. `history` is that of the shown moment. */
export function positionResource(ticket: Ticket, history: Admissions, view: PositionView): Record<string, unknown> {
  const position = resource(ticket, history, view);
  return view.newer ? expanded({ ...position, ...newerKeys(ticket) }, view.festival, view.newer.expand) : position;
}

function resource(ticket: Ticket, history: Admissions, view: PositionView): Record<string, unknown> {
  const { facts } = ticket;
  const checkin = history.checkins[view.list];
  const { seat } = facts;
  return {
    id: ticket.id,
    order: facts.order.code,
    positionid: facts.positionid,
    item: ticket.item,
    variation: ticket.variation,
    price: facts.price,
    attendee_name: facts.attendee_name,
    attendee_name_parts: facts.attendee_name_parts,
    attendee_email: facts.attendee_email,
    voucher: facts.voucher,
    tax_rate: facts.tax_rate,
    tax_value: facts.tax_value,
    secret: facts.secret,
    addon_to: facts.addon_to,
    subevent: ticket.date,
    checkins: checkin ? [checkinResource(checkin, view)] : [],
    downloads: downloads(ticket, view),
    answers: shownAnswers(facts.answers, history.answers, (id) =>
      view.festival.questions.find((question) => question.id === id),
    ),
    tax_rule: facts.tax_rule,
    pseudonymization_id: facts.pseudonymization_id,
    ...(view.pdfData ? { pdf_data: pdfDataOf(ticket, view) } : {}),
    seat: seat && { id: seat.id, name: seat.name, seat_guid: seat.seat_guid },
    ...validity(facts),
    require_attention: requiresAttention(ticket, view.festival),
    order__status: shownStatus(ticket.status),
  };
}

/** With its type (contract §10, 3.9) for an app that has told its name: those of today insist on it (clients.md §3). */
const checkinResource = ({ datetime, auto }: CheckIn, { list, reader, newer }: PositionView) => ({
  datetime,
  list,
  auto_checked_in: auto,
  ...(reader.app === undefined && !newer ? {} : { type: 'entry' }),
});

/** What newer versions show of every ticket (contract §10, 4.17), here of those alone of which the shop says something. */
function validity({ valid_from, valid_until, blocked }: ShownFacts): Record<string, unknown> {
  if (valid_from === undefined && valid_until === undefined && blocked === undefined) return {};
  return { valid_from: valid_from ?? null, valid_until: valid_until ?? null, blocked: blocked ?? null };
}

const newerKeys = ({ status, facts }: Ticket): Record<string, unknown> => ({
  valid_from: facts.valid_from ?? null,
  valid_until: facts.valid_until ?? null,
  blocked: facts.blocked ?? null,
  // Of a paid order it does not matter any more.
  order__valid_if_pending: status === 'v',
  order__require_approval: facts.order.require_approval,
  order__locale: facts.order.locale,
});

const pdfDataOf = (ticket: Ticket, { festival, catalog }: PositionView) =>
  pdfData(ticket, { festival, organizer: catalog.organizer(festival.fact.organizer), now: instantOf(Date.now()) });

/** Links to the printable ticket (download.ts serves it). */
function downloads(ticket: Ticket, { festival, baseUrl }: PositionView): { output: string; url: string }[] {
  if (!isDownloadable(ticket, festival)) return [];
  const event = `${baseUrl()}/api/v1/organizers/${festival.fact.organizer}/events/${festival.fact.event}`;
  return [{ output: 'pdf', url: `${event}/orderpositions/${ticket.id}/download/pdf/` }];
}

/** Whether the shop offers a ticket to be printed (contract §5.1 `downloads`). */
export function isDownloadable(ticket: Ticket, festival: Festival): boolean {
  const { settings } = festival.fact;
  const item = festival.items.get(ticket.item);
  if (!settings.ticket_download || !item) return false;
  const pending =
    shownStatus(ticket.status) === 'n' && settings.ticket_download_pending && !ticket.facts.order.require_approval;
  return (ticket.status === 'p' || pending) && generatesTicket(ticket, item, settings);
}

function generatesTicket(ticket: Ticket, item: ItemFact, settings: Festival['fact']['settings']): boolean {
  if (item.generate_tickets !== null) return item.generate_tickets;
  if (ticket.facts.addon_to !== null && !settings.ticket_download_addons) return false;
  return item.admission || settings.ticket_download_nonadm;
}
