import type { TicketStatus } from '@gatehouse/domain/redeem';
import type { ShownFacts } from './facts';

/**
 * What a scan needs of a ticket, and the parts of the position resource (contract §5.1) that only its order changes, as JSON text: most scans
 * then parse no JSON of the ticket and write little.
 */
export type Prepared = {
  readonly blocked: boolean;
  /** Whether the shop has yet to approve its order. */
  readonly unapproved: boolean;
  readonly attention: boolean;
  readonly isAddon: boolean;
  readonly validFrom: string | undefined;
  readonly validUntil: string | undefined;
  /** The buyer's answers: a JSON array. */
  readonly answers: string;
  /** The resource from its beginning to the name of `checkins`. */
  readonly start: string;
  /** Its members between `answers` and `pdf_data`, each after a comma. */
  readonly middle: string;
  /** Its members between `pdf_data` and `require_attention`, each after a comma. */
  readonly end: string;
  /** Whether `end` has the members of `validity`. */
  readonly showsValidity: boolean;
  /** The language of the order as a JSON string. */
  readonly locale: string;
};

/** A ticket as it is identified and decided upon, in the column `prepared`. */
export type PreparedTicket = {
  readonly id: number;
  readonly date: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly status: TicketStatus;
  readonly prepared: Prepared;
};

/** The columns from which `prepared` is made; 0 means none. */
type Source = {
  readonly id: number;
  readonly date: number;
  readonly item: number;
  readonly variation: number;
  readonly status: string;
  readonly facts: ShownFacts;
};

/** JSON text contains it only as an escape, and no other part contains it. */
const SEPARATOR = '\u0001';

/** The column `prepared` of a ticket. */
export function preparedOf({ id, date, item, variation, status, facts }: Source): string {
  const { seat, order, blocked, valid_from: from, valid_until: until } = facts;
  const showsValidity = from !== undefined || until !== undefined || blocked !== undefined;
  const flags = `${blocked ? 'b' : ''}${order.require_approval ? 'u' : ''}${order.checkin_attention ? 'a' : ''}${facts.addon_to === null ? '' : 'o'}${showsValidity ? 'v' : ''}`;
  const start = JSON.stringify({
    id,
    order: order.code,
    positionid: facts.positionid,
    item,
    variation: variation || null,
    price: facts.price,
    attendee_name: facts.attendee_name,
    attendee_name_parts: facts.attendee_name_parts,
    attendee_email: facts.attendee_email,
    voucher: facts.voucher,
    tax_rate: facts.tax_rate,
    tax_value: facts.tax_value,
    secret: facts.secret,
    addon_to: facts.addon_to,
    subevent: date || null,
  });
  const middle = JSON.stringify({ tax_rule: facts.tax_rule, pseudonymization_id: facts.pseudonymization_id });
  const end = JSON.stringify({
    seat: seat && { id: seat.id, name: seat.name, seat_guid: seat.seat_guid },
    // What newer versions show of every ticket (contract §10, 4.17), here of those alone of which the shop says something.
    ...(showsValidity && { valid_from: from ?? null, valid_until: until ?? null, blocked: blocked ?? null }),
  });
  return [
    ...[id, date, item, variation, status, flags, from ?? '', until ?? '', JSON.stringify(facts.answers)],
    ...[`${start.slice(0, -1)},"checkins":`, `,${middle.slice(1, -1)}`, `,${end.slice(1, -1)}`],
    JSON.stringify(order.locale),
  ].join(SEPARATOR);
}

/** Reads what `preparedOf` wrote. */
export function readPrepared(text: string): PreparedTicket {
  const [id, date, item, variation, status, flags, from, until, answers, start, middle, end, locale] = text.split(
    SEPARATOR,
  ) as [string, string, string, string, TicketStatus, ...Texts];
  return {
    id: Number(id),
    date: date === '0' ? null : Number(date),
    item: Number(item),
    variation: variation === '0' ? null : Number(variation),
    status,
    prepared: {
      blocked: flags.includes('b'),
      unapproved: flags.includes('u'),
      attention: flags.includes('a'),
      isAddon: flags.includes('o'),
      showsValidity: flags.includes('v'),
      validFrom: from || undefined,
      validUntil: until || undefined,
      ...{ answers, start, middle, end, locale },
    },
  };
}
type Texts = [string, string, string, string, string, string, string, string];
