import type { TicketStatus } from '@gatehouse/domain/redeem';
import type { ShownFacts } from './row';

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
  const { seat, order } = facts;
  const flags = [
    facts.blocked === undefined ? '' : 'b',
    order.require_approval ? 'u' : '',
    order.checkin_attention ? 'a' : '',
    facts.addon_to === null ? '' : 'o',
    Object.keys(validity(facts)).length === 0 ? '' : 'v',
  ].join('');
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
  return [
    ...[id, date, item, variation, status, flags, facts.valid_from ?? '', facts.valid_until ?? ''],
    JSON.stringify(facts.answers),
    `${start.slice(0, -1)},"checkins":`,
    members({ tax_rule: facts.tax_rule, pseudonymization_id: facts.pseudonymization_id }),
    members({ seat: seat && { id: seat.id, name: seat.name, seat_guid: seat.seat_guid }, ...validity(facts) }),
    JSON.stringify(order.locale),
  ].join(SEPARATOR);
}

/** What newer versions show of every ticket (contract §10, 4.17), here of those alone of which the shop says something. */
function validity({ valid_from, valid_until, blocked }: ShownFacts): Record<string, unknown> {
  if (valid_from === undefined && valid_until === undefined && blocked === undefined) return {};
  return { valid_from: valid_from ?? null, valid_until: valid_until ?? null, blocked: blocked ?? null };
}

/** The members of a JSON object, each after a comma. */
function members(object: object): string {
  const text = JSON.stringify(object).slice(1, -1);
  return text === '' ? '' : `,${text}`;
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
