import type { AnswerFact, OrderFact, PositionFact } from '@gatehouse/events/reference';
import { foldCase } from '@gatehouse/domain/fold';
import { parseInstant, sortable } from '@gatehouse/domain/instant';
import { displayName, joinName, type Name } from '@gatehouse/domain/names';
import type { Place } from './tallies';

/** What the replies show of a ticket, as its order states it; names are rendered by the schemes of contract §2.2. */
export type ShownFacts = {
  readonly positionid: number;
  readonly price: string;
  readonly attendee_name: string | null;
  readonly attendee_name_parts: Readonly<Record<string, unknown>>;
  /** For printing (`pdf_data`): the ticket's own parts, and its own or parent's name. */
  readonly printed: { readonly name: string | null; readonly parts: Readonly<Record<string, unknown>> };
  readonly attendee_email: string | null;
  readonly voucher: number | null;
  readonly tax_rate: string;
  readonly tax_value: string;
  readonly tax_rule: number | null;
  readonly secret: string;
  readonly addon_to: number | null;
  readonly pseudonymization_id: string;
  readonly seat: PositionFact['seat'];
  readonly answers: readonly AnswerFact[];
  /** The ticket's add-ons in the order positionid, canceled ones included. */
  readonly addons: readonly { item: number; variation: number | null; price: string; canceled: boolean }[];
  readonly order: {
    readonly code: string;
    readonly testmode: boolean;
    readonly email: string | null;
    readonly locale: string;
    readonly checkin_attention: boolean;
    readonly require_approval: boolean;
    readonly invoice: OrderFact['invoice_address'];
  };
};

export const COLUMNS = [
  'event', 'date', 'item', 'variation', 'status', 'canceled', 'testmode', 'order_code', 'order_time', 'positionid', 'addon_to',
  'voucher', 'secret', 'pseudonymization_id', 'name_key', 'parent_name_key', 'shown_name_key', 'email_key', 'secret_key',
  'code_key', 'search', 'search_names', 'facts', 'order_stream', 'order_import', 'order_revision',
]; // prettier-ignore

export type TicketRow = Place & {
  id: number;
  testmode: boolean;
  order_code: string;
  order_time: string;
  positionid: number;
  addon_to: number | null;
  voucher: number | null;
  secret: string;
  pseudonymization_id: string;
  name_key: string;
  parent_name_key: string | null;
  shown_name_key: string | null;
  email_key: string;
  secret_key: string;
  code_key: string;
  search: string;
  search_names: string;
  facts: ShownFacts;
  order_stream: string;
  order_import: number;
  order_revision: number;
};

export function rowsOf(order: OrderFact, scheme: string, source: { stream: string; revision: number }): TicketRow[] {
  const named = new Map<number, Name>(
    order.positions.map((position) => [
      position.id,
      { name: nameOf(position, scheme), parts: position.attendee_name_parts },
    ]),
  );
  const byId = new Map(order.positions.map((position) => [position.id, position]));
  const invoice: Name | null = order.invoice_address && {
    name: order.invoice_address.name || joinName(order.invoice_address.name_parts, scheme),
    parts: order.invoice_address.name_parts,
  };
  const event = `${order.organizer}/${order.event}`;
  const time = parseInstant(order.datetime) ?? order.datetime;
  return order.positions.map((position) => {
    const own = named.get(position.id)!;
    const parent = position.addon_to === null ? undefined : byId.get(position.addon_to);
    const parentName = parent ? named.get(parent.id)! : null;
    const shown = displayName(own, parentName, invoice);
    const key = own.name ? foldCase(own.name) : null;
    const parentKey = parentName?.name ? foldCase(parentName.name) : null;
    const names = [own.name, parentName?.name, invoice?.name];
    const texts = [...names, position.attendee_email, parent?.attendee_email, order.email];
    const facts: ShownFacts = {
      positionid: position.positionid,
      price: position.price,
      attendee_name: shown.name,
      attendee_name_parts: shown.parts,
      printed: { name: own.name || (parentName?.name ?? null), parts: own.parts },
      attendee_email: position.attendee_email,
      voucher: position.voucher,
      tax_rate: position.tax_rate,
      tax_value: position.tax_value,
      tax_rule: position.tax_rule,
      secret: position.secret,
      addon_to: position.addon_to,
      pseudonymization_id: position.pseudonymization_id,
      seat: position.seat,
      answers: position.answers,
      addons: order.positions
        .filter((addon) => addon.addon_to === position.id)
        .sort((a, b) => a.positionid - b.positionid)
        .map(({ item, variation, price, canceled }) => ({ item, variation, price, canceled })),
      order: {
        code: order.code,
        testmode: order.testmode,
        email: order.email,
        locale: order.locale,
        checkin_attention: order.checkin_attention,
        require_approval: order.require_approval,
        invoice: order.invoice_address,
      },
    };
    return {
      id: position.id,
      event,
      date: position.subevent ?? 0,
      item: position.item,
      variation: position.variation ?? 0,
      status: order.status,
      canceled: position.canceled,
      testmode: order.testmode,
      order_code: order.code,
      order_time: sortable(time),
      positionid: position.positionid,
      addon_to: position.addon_to,
      voucher: position.voucher,
      secret: position.secret,
      pseudonymization_id: position.pseudonymization_id,
      name_key: key ?? NO_NAME,
      parent_name_key: parentKey,
      shown_name_key: key ?? parentKey,
      email_key: foldCase(order.email ?? ''),
      secret_key: foldCase(position.secret),
      code_key: foldCase(order.code),
      search: lines(texts),
      search_names: lines(names),
      facts,
      order_stream: source.stream,
      order_import: order.import,
      order_revision: source.revision,
    };
  });
}

/** A position's own name: by its parts, or the flat one where an old export has no parts. */
const nameOf = (position: PositionFact, scheme: string): string | null =>
  joinName(position.attendee_name_parts, scheme) ?? position.attendee_name;

/** Stands for no name in `name_key`: greater than every name. */
export const NO_NAME = '\u{10FFFF}';

const lines = (texts: readonly (string | null | undefined)[]): string =>
  [...new Set(texts.filter((text): text is string => !!text).map(foldCase))].join('\n');
