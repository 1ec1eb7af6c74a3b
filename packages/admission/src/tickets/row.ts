import { createHash } from 'node:crypto';
import type { OrderFact, PositionFact } from '@gatehouse/events/reference';
import { foldCase } from '@gatehouse/domain/fold';
import { parseInstant, sortable } from '@gatehouse/domain/instant';
import { displayName, joinName, type Name } from '@gatehouse/domain/names';
import type { TicketStatus } from '@gatehouse/domain/redeem';
import type { Holder, ShownFacts } from './facts';
import { preparedOf } from './prepared';
import type { Place } from './tallies';

/** The columns with a ticket's names, which change with the event's scheme. */
export const NAME_COLUMNS = [
  'name_key',
  'parent_name_key',
  'shown_name_key',
  'search',
  'search_names',
  'facts',
  'prepared',
] as const;

/** The columns besides `facts` from which `prepared` is made. */
export const PREPARED_FROM = ['id', 'date', 'item', 'variation', 'status'] as const;

/** The columns of `tickets` that the projection writes, without the key `id`. */
export const COLUMNS = [
  'event', 'date', 'item', 'variation', 'order_code', 'order_time', 'positionid', 'addon_to', 'voucher', 'secret',
  'pseudonymization_id', 'secret_key', 'code_key', 'order_stream', 'order_import',
  'status', 'canceled', 'testmode', 'email_key', ...NAME_COLUMNS,
] as const; // prettier-ignore

/** A row of `tickets` as the projection writes it; in `date` and `variation` 0 means none. */
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
  /** What a scan and its reply need of all that, as text (`preparedOf`). */
  prepared: string;
  order_stream: string;
  order_import: number;
};

/** A ticket's row without its names. */
type Nameless = Omit<TicketRow, (typeof NAME_COLUMNS)[number]> & { facts: NamelessFacts };
type NamelessFacts = Omit<ShownFacts, 'attendee_name' | 'attendee_name_parts' | 'printed'> & {
  readonly printed: Pick<ShownFacts['printed'], 'parts'>;
};

/** The rows of the tickets that an order names, made one by one: there may be ten thousand. */
export function* rowsOf(order: OrderFact, scheme: string, stream: string): Generator<TicketRow> {
  const byId = new Map(order.positions.map((position) => [position.id, position]));
  const addons = new Map<number, PositionFact[]>();
  for (const position of order.positions) {
    if (position.addon_to === null) continue;
    const siblings = addons.get(position.addon_to);
    if (siblings) siblings.push(position);
    else addons.set(position.addon_to, [position]);
  }
  const { status, testmode, email_key } = orderColumns(order);
  const code_key = foldCase(order.code);
  const order_time = sortable(parseInstant(order.datetime) ?? order.datetime);
  const event = `${order.organizer}/${order.event}`;
  const facts = orderFacts(order);
  for (const position of order.positions) {
    const parent = position.addon_to === null ? undefined : byId.get(position.addon_to);
    yield withNames(
      {
        id: position.id,
        event,
        date: position.subevent ?? 0,
        item: position.item,
        variation: position.variation ?? 0,
        status,
        canceled: position.canceled,
        testmode,
        order_code: order.code,
        order_time,
        positionid: position.positionid,
        addon_to: position.addon_to,
        voucher: position.voucher,
        secret: position.secret,
        pseudonymization_id: position.pseudonymization_id,
        name_key: '',
        parent_name_key: null,
        shown_name_key: null,
        email_key,
        secret_key: foldCase(position.secret),
        code_key,
        search: '',
        search_names: '',
        order_stream: stream,
        order_import: order.import,
        facts: {
          positionid: position.positionid,
          price: position.price,
          attendee_name: null,
          attendee_name_parts: {},
          printed: { name: null, parts: position.attendee_name_parts },
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
          order: facts,
          // Last, since V8 defines what follows these one by one.
          ...(isNameless(position) && position.attendee_name !== null && { stated_name: position.attendee_name }),
          ...(parent && {
            parent: {
              name: parent.attendee_name,
              parts: parent.attendee_name_parts,
              email: parent.attendee_email,
            },
          }),
          ...(position.blocked && { blocked: position.blocked }),
          ...(position.valid_from !== undefined && { valid_from: position.valid_from }),
          ...(position.valid_until !== undefined && { valid_until: position.valid_until }),
        },
      },
      scheme,
    );
  }
}

/**
 * The row of a ticket that its order no longer names: canceled, but with the order's current fields (status, e-mail)
 * (import.md §3).
 */
export function endedRow(row: TicketRow, order: OrderFact, scheme: string): TicketRow {
  return withNames(
    { ...row, ...orderColumns(order), canceled: true, facts: { ...row.facts, order: orderFacts(order) } },
    scheme,
  );
}

/** A row with its names in the given scheme. */
export function withNames<Row extends Unnamed>(row: Row, scheme: string): Row & NameColumns {
  const { facts: stated } = row;
  const own = nameOf({ name: stated.stated_name ?? null, parts: stated.printed.parts }, scheme);
  const parent = stated.parent ? nameOf(stated.parent, scheme) : null;
  const address = stated.order.invoice;
  const invoice: Name | null = address && {
    name: address.name || joinName(address.name_parts, scheme),
    parts: address.name_parts,
  };
  const shown = displayName(own, parent, invoice);
  const key = own.name ? nameKey(own.name) : null;
  const parentKey = parent?.name ? nameKey(parent.name) : null;
  const names = [own.name, parent?.name, invoice?.name];
  const texts = [...names, stated.attendee_email, stated.parent?.email, stated.order.email];
  const facts: ShownFacts = {
    ...stated,
    attendee_name: shown.name,
    attendee_name_parts: shown.parts,
    printed: { name: own.name || (parent?.name ?? null), parts: own.parts },
  };
  return {
    ...row,
    name_key: key ?? NO_NAME,
    parent_name_key: parentKey,
    shown_name_key: key ?? parentKey,
    search: lines(texts),
    search_names: lines(names),
    facts,
    prepared: preparedOf({ ...row, facts }),
  };
}

/** What the names of a ticket are rendered from, and what is prepared with them. */
type Unnamed = Pick<TicketRow, (typeof PREPARED_FROM)[number]> & { facts: NamelessFacts };
type NameColumns = Pick<TicketRow, (typeof NAME_COLUMNS)[number]>;

/** The columns that an order states for all its tickets and may change later. */
const orderColumns = (order: OrderFact): Pick<Nameless, 'status' | 'testmode' | 'email_key'> => ({
  status: statusOf(order),
  testmode: order.testmode,
  email_key: foldCase(order.email ?? ''),
});

/** As tickets are found and counted by it (`TicketStatus`). */
const statusOf = ({ status, valid_if_pending }: OrderFact): TicketStatus =>
  status === 'n' && valid_if_pending === true ? 'v' : status;

const orderFacts = (order: OrderFact): ShownFacts['order'] => ({
  code: order.code,
  testmode: order.testmode,
  email: order.email,
  locale: order.locale,
  sales_channel: order.sales_channel,
  checkin_attention: order.checkin_attention,
  require_approval: order.require_approval,
  invoice: order.invoice_address,
});

const isNameless = ({ attendee_name_parts: parts }: PositionFact): boolean => Object.keys(parts).length === 0;

/** A ticket's own name: from its parts, or the flat one of old exports without parts. */
const nameOf = ({ name, parts }: Omit<Holder, 'email'>, scheme: string): Name => ({
  name: joinName(parts, scheme) ?? name,
  parts,
});

/** The `name_key` of tickets without a name: greater than every name. */
export const NO_NAME = '\u{10FFFF}';

/** Characters of a folded name that its key contains literally: an index entry holds at most 2,704 bytes. */
const KEY_CHARS = 200;

/**
 * The key by which names are found and ordered: the folded name, or the beginning of a long one with a hash of the whole.
 * Equal names, and only they, have equal keys; names whose first 200 characters are equal are in no particular order.
 */
export function nameKey(name: string): string {
  const folded = foldCase(name);
  if (folded.length <= KEY_CHARS) return folded;
  // Cut between characters, not inside a surrogate pair.
  const start = [...folded.slice(0, 2 * KEY_CHARS)].slice(0, KEY_CHARS).join('');
  return `${start} ${createHash('sha256').update(folded).digest('hex')}`;
}

const lines = (texts: readonly (string | null | undefined)[]): string =>
  [...new Set(texts.filter((text): text is string => !!text).map(foldCase))].join('\n');
