import type { AnswerFact, OrderFact, PositionFact } from '@gatehouse/events/reference';
import { foldCase } from '@gatehouse/domain/fold';
import { parseInstant, sortable } from '@gatehouse/domain/instant';
import { displayName, joinName, type Name } from '@gatehouse/domain/names';
import type { Place } from './tallies';

/** A name and an e-mail as the shop states them of one ticket, before any scheme has been applied. */
type Holder = {
  readonly name: string | null;
  readonly parts: Readonly<Record<string, unknown>>;
  readonly email: string | null;
};

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
  /** The flat name that the shop states of a ticket without name parts; absent when there is none. */
  readonly stated_name?: string;
  /** Of an add-on: whose it is, so that its names can be written anew when the event's scheme changes. */
  readonly parent?: Holder;
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

/** The names of a ticket as columns, and as its replies show them: what changes with the event's scheme. */
export const NAME_COLUMNS = [
  'name_key',
  'parent_name_key',
  'shown_name_key',
  'search',
  'search_names',
  'facts',
] as const;

export const COLUMNS = [
  'event', 'date', 'item', 'variation', 'order_code', 'order_time', 'positionid', 'addon_to', 'voucher', 'secret',
  'pseudonymization_id', 'secret_key', 'code_key', 'order_stream', 'order_import',
  'status', 'canceled', 'testmode', 'email_key', ...NAME_COLUMNS,
] as const; // prettier-ignore

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
};

/** What a ticket's row says besides its names. */
type Nameless = Omit<TicketRow, (typeof NAME_COLUMNS)[number]> & { facts: NamelessFacts };
type NamelessFacts = Omit<ShownFacts, 'attendee_name' | 'attendee_name_parts' | 'printed'> & {
  readonly printed: Pick<ShownFacts['printed'], 'parts'>;
};

/** The rows of the tickets that an order names, made as they are asked for: there may be ten thousand. */
export function* rowsOf(order: OrderFact, scheme: string, stream: string): Generator<TicketRow> {
  const byId = new Map(order.positions.map((position) => [position.id, position]));
  const addons = new Map<number, PositionFact[]>();
  for (const position of order.positions) {
    if (position.addon_to === null) continue;
    const siblings = addons.get(position.addon_to);
    if (siblings) siblings.push(position);
    else addons.set(position.addon_to, [position]);
  }
  const shared = { ...orderColumns(order), ...unchanging(order, stream) };
  for (const position of order.positions) {
    const parent = position.addon_to === null ? undefined : byId.get(position.addon_to);
    yield withNames(
      {
        ...shared,
        id: position.id,
        date: position.subevent ?? 0,
        item: position.item,
        variation: position.variation ?? 0,
        canceled: position.canceled,
        positionid: position.positionid,
        addon_to: position.addon_to,
        voucher: position.voucher,
        secret: position.secret,
        pseudonymization_id: position.pseudonymization_id,
        secret_key: foldCase(position.secret),
        facts: {
          positionid: position.positionid,
          price: position.price,
          printed: { parts: position.attendee_name_parts },
          ...(isNameless(position) && position.attendee_name !== null && { stated_name: position.attendee_name }),
          ...(parent && {
            parent: {
              name: parent.attendee_name,
              parts: parent.attendee_name_parts,
              email: parent.attendee_email,
            },
          }),
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
          addons: (addons.get(position.id) ?? [])
            .sort((a, b) => a.positionid - b.positionid)
            .map(({ item, variation, price, canceled }) => ({ item, variation, price, canceled })),
          order: orderFacts(order),
        },
      },
      scheme,
    );
  }
}

/** A ticket that its order no longer names: canceled, but what stands on the order holds for it, too (import.md §3). */
export function endedRow(row: TicketRow, order: OrderFact, scheme: string): TicketRow {
  return withNames(
    { ...row, ...orderColumns(order), canceled: true, facts: { ...row.facts, order: orderFacts(order) } },
    scheme,
  );
}

/** A row with its names as the scheme writes them. */
export function withNames<Row extends { facts: NamelessFacts }>(row: Row, scheme: string): Row & NameColumns {
  const { facts } = row;
  const own = nameOf({ name: facts.stated_name ?? null, parts: facts.printed.parts }, scheme);
  const parent = facts.parent ? nameOf(facts.parent, scheme) : null;
  const address = facts.order.invoice;
  const invoice: Name | null = address && {
    name: address.name || joinName(address.name_parts, scheme),
    parts: address.name_parts,
  };
  const shown = displayName(own, parent, invoice);
  const key = own.name ? foldCase(own.name) : null;
  const parentKey = parent?.name ? foldCase(parent.name) : null;
  const names = [own.name, parent?.name, invoice?.name];
  const texts = [...names, facts.attendee_email, facts.parent?.email, facts.order.email];
  return {
    ...row,
    name_key: key ?? NO_NAME,
    parent_name_key: parentKey,
    shown_name_key: key ?? parentKey,
    search: lines(texts),
    search_names: lines(names),
    facts: {
      ...facts,
      attendee_name: shown.name,
      attendee_name_parts: shown.parts,
      printed: { name: own.name || (parent?.name ?? null), parts: own.parts },
    },
  };
}

type NameColumns = Pick<TicketRow, (typeof NAME_COLUMNS)[number]>;

/** What an order says of all its tickets, and may say otherwise later. */
const orderColumns = (order: OrderFact): Pick<Nameless, 'status' | 'testmode' | 'email_key'> => ({
  status: order.status,
  testmode: order.testmode,
  email_key: foldCase(order.email ?? ''),
});

/** What an order says of the tickets that it names. */
const unchanging = (order: OrderFact, stream: string) => ({
  event: `${order.organizer}/${order.event}`,
  order_code: order.code,
  code_key: foldCase(order.code),
  order_time: sortable(parseInstant(order.datetime) ?? order.datetime),
  order_stream: stream,
  order_import: order.import,
});

const orderFacts = (order: OrderFact): ShownFacts['order'] => ({
  code: order.code,
  testmode: order.testmode,
  email: order.email,
  locale: order.locale,
  checkin_attention: order.checkin_attention,
  require_approval: order.require_approval,
  invoice: order.invoice_address,
});

const isNameless = ({ attendee_name_parts: parts }: PositionFact): boolean => Object.keys(parts).length === 0;

/** A ticket's own name: by its parts, or the flat one where an old export has no parts. */
const nameOf = ({ name, parts }: Omit<Holder, 'email'>, scheme: string): Name => ({
  name: joinName(parts, scheme) ?? name,
  parts,
});

/** Stands for no name in `name_key`: greater than every name. */
export const NO_NAME = '\u{10FFFF}';

const lines = (texts: readonly (string | null | undefined)[]): string =>
  [...new Set(texts.filter((text): text is string => !!text).map(foldCase))].join('\n');
