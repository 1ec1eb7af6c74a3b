import type { Festival } from '@gatehouse/shop/festival';
import type { DownloadRow } from '@gatehouse/admission/tickets/downloads';
import type { TicketStatus } from '@gatehouse/domain/redeem';
import type { Ticket } from '@gatehouse/admission/tickets/lookup';
import { itemName, variationName } from '@gatehouse/shop/product-names';

/** The fields of the ticket object (contract §3.2): those of a download row without what only the download needs. */
export type Shown = Omit<DownloadRow, 'id' | 'positionid' | 'entered' | 'barred' | 'validFrom' | 'validUntil'> & {
  /**
   * Whether the scanner must not let it in, although its order is paid: this protocol knows no blocked tickets and no times, so
   * such a ticket is shown as one that is not paid and may not be let in so. Absent: no.
   */
  readonly refused?: boolean;
};

/** Whether the status of an order lets its tickets in as that of a paid one. */
export const isAsPaid = (status: TicketStatus): boolean => status === 'p' || status === 'v';

/** The part of a ticket that this API shows. */
export const shownOf = ({
  item,
  variation,
  status,
  facts,
}: Pick<Ticket, 'item' | 'variation' | 'status' | 'facts'>): Shown => ({
  secret: facts.secret,
  code: facts.order.code,
  item,
  variation,
  status,
  attendeeName: facts.attendee_name,
  attention: facts.order.checkin_attention,
  addons: facts.addons,
});

/** Writes ticket objects: the text before the value of `redeemed`, and the text after it. */
export type TicketWriter = (ticket: Shown, list: { readonly include_pending: boolean }) => readonly [string, string];

const writers = new WeakMap<Festival, Map<string, TicketWriter>>();

/** The writer for a festival's tickets in a language. The parts that tickets of one product share are written once. */
export function ticketWriter(festival: Festival, language: string): TicketWriter {
  const known = writers.get(festival) ?? new Map<string, TicketWriter>();
  writers.set(festival, known);
  const writer = known.get(language) ?? newWriter(festival, language);
  known.set(language, writer);
  return writer;
}

function newWriter(festival: Festival, language: string): TicketWriter {
  const products = new Map<string, string>();

  function product(item: number, variation: number | null): string {
    const key = `${item} ${variation}`;
    const known = products.get(key);
    if (known !== undefined) return known;
    const name = variation === null ? null : variationName(festival, { item, variation }, language);
    const text = `"item": ${JSON.stringify(itemName(festival, item, language))}, "item_id": ${item}, "variation": ${JSON.stringify(name)}, "variation_id": ${variation}`;
    products.set(key, text);
    return text;
  }

  /** Canceled add-ons are shown, too (contract §3.2). */
  const addonsText = (addons: Shown['addons']): string =>
    addons
      .map(({ item, variation }) => {
        const name = itemName(festival, item, language);
        return variation === null ? name : `${name} - ${variationName(festival, { item, variation }, language)}`;
      })
      .join(', ');

  return (ticket, list) => {
    const { item, variation, status } = ticket;
    const attention = ticket.attention || festival.items.get(item)?.checkin_attention === true;
    const paid = isAsPaid(status) && ticket.refused !== true;
    const allowed = paid || (status === 'n' && list.include_pending && ticket.refused !== true);
    const addons = ticket.addons.length === 0 ? '' : addonsText(ticket.addons);
    return [
      `{"secret": ${JSON.stringify(ticket.secret)}, "order": ${JSON.stringify(ticket.code)}, ${product(item, variation)}, "attendee_name": ${JSON.stringify(ticket.attendeeName)}, "attention": ${attention}, "redeemed": `,
      `, "paid": ${paid}, "checkin_allowed": ${allowed}, "addons_text": ${JSON.stringify(addons)}}`,
    ];
  };
}

/** One ticket object. */
export function ticketText([before, after]: readonly [string, string], redeemed: boolean): string {
  return `${before}${redeemed}${after}`;
}
