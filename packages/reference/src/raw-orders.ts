import { z } from 'zod';
import type { EventScope } from './known';
import { LIMITS, text } from './limits';
import {
  Amount,
  BLANK,
  Code,
  filled,
  Flag,
  Id,
  IdentifierOrEmpty,
  Identifiers,
  Identifier,
  MaybeCode,
  MaybeId,
  MaybeMoment,
  MaybeName,
  Moment,
  Name,
  NameOrEmpty,
  nameParts,
  or,
  Parts,
  reader,
  SharedId,
  type Findings,
  type Stated,
} from './raw';
import { checkDate, checkProduct } from './references';

const Checkin = z.object({
  /** A scan's id may exceed 32 bits: shops have more scans than tickets. */
  id: or(z.int().positive(), null),
  list: Id,
  datetime: Moment,
  type: or(z.enum(['entry', 'exit'], { error: 'is neither entry nor exit' }), 'entry' as const),
  auto_checked_in: Flag,
  forced: Flag,
  nonce: or(Identifier, null),
  successful: or(z.boolean(), true),
});

const Answer = z.object({
  question: Id,
  answer: or(text(LIMITS.long), ''),
  question_identifier: IdentifierOrEmpty,
  options: or(z.array(Id), []),
  option_identifiers: Identifiers,
});

const Seat = z.object({
  id: Id,
  name: NameOrEmpty,
  seat_guid: Name,
  zone_name: MaybeName,
  row_name: MaybeName,
  seat_number: MaybeName,
});

const Position = z.object({
  id: SharedId,
  positionid: z.int32(),
  item: Id,
  variation: MaybeId,
  price: Amount,
  attendee_name: MaybeName,
  attendee_name_parts: Parts,
  attendee_email: MaybeName,
  voucher: MaybeId,
  tax_rate: or(Amount, '0.00'),
  tax_value: or(Amount, '0.00'),
  tax_rule: MaybeId,
  secret: text(LIMITS.secret).refine((secret) => secret !== '', BLANK),
  addon_to: MaybeId,
  subevent: MaybeId,
  pseudonymization_id: or(Code, ''),
  seat: or(Seat, null),
  canceled: Flag,
  answers: or(z.array(Answer), []),
  checkins: or(z.array(Checkin), []),
  blocked: Identifiers,
  valid_from: MaybeMoment,
  valid_until: MaybeMoment,
});

const Order = z.object({
  code: filled(Code),
  status: z.enum(['n', 'p', 'e', 'c'], { error: 'must be n, p, e or c' }),
  testmode: Flag,
  email: MaybeName,
  datetime: Moment,
  sales_channel: or(filled(Identifier), 'web'),
  locale: MaybeCode,
  require_approval: Flag,
  checkin_attention: Flag,
  invoice_address: or(z.object({ name: NameOrEmpty, name_parts: Parts, company: NameOrEmpty }), null),
  /** Required, because an order is stated whole: a missing list must not end all positions. */
  positions: z.array(Position),
  valid_if_pending: Flag,
});

type RawPosition = z.output<typeof Position>;
export type OrderContent = Stated<'OrderStated'>;
type PositionContent = OrderContent['positions'][number];

/** An order with its positions, their answers and their check-ins. Products, dates and questions must exist. */
export const readOrder = reader(Order, (raw, scope: EventScope, findings): OrderContent => {
  const ids = new Set(raw.positions.map((position) => position.id));
  if (ids.size < raw.positions.length) findings.issue('positions', 'one id is there twice');
  return {
    organizer: scope.organizer,
    event: scope.event,
    code: raw.code,
    status: raw.status,
    testmode: raw.testmode,
    email: raw.email,
    datetime: raw.datetime,
    sales_channel: raw.sales_channel,
    locale: raw.locale ?? scope.known.locale,
    require_approval: raw.require_approval,
    ...(raw.valid_if_pending && { valid_if_pending: true as const }),
    checkin_attention: raw.checkin_attention,
    invoice_address: raw.invoice_address,
    positions: raw.positions.map((position, i) => {
      const issue = (key: string, reason: string) => findings.issue(`positions[${i}].${key}`, reason);
      if (position.addon_to !== null && !ids.has(position.addon_to)) {
        issue('addon_to', `${position.addon_to} is no position of this order`);
      }
      checkReferences(position, scope, issue);
      return positionOf(position, scope, findings);
    }),
  };
});

function checkReferences(position: RawPosition, scope: EventScope, issue: (key: string, reason: string) => void): void {
  const { known } = scope;
  checkProduct(known, position.item, position.variation, issue);
  checkDate(known, position.subevent, issue);
  const { questions } = known;
  if (!questions) return;
  position.answers.forEach((answer, i) => {
    if (questions.has(answer.question)) return;
    issue(`answers[${i}].question`, `${answer.question} is no question of this event`);
  });
}

function positionOf(raw: RawPosition, scope: EventScope, findings: Findings): PositionContent {
  return {
    id: raw.id,
    positionid: raw.positionid,
    item: raw.item,
    variation: raw.variation,
    price: raw.price,
    attendee_name: raw.attendee_name,
    attendee_name_parts: nameParts(raw.attendee_name_parts, raw.attendee_name),
    attendee_email: raw.attendee_email,
    voucher: raw.voucher,
    tax_rate: raw.tax_rate,
    tax_value: raw.tax_value,
    tax_rule: raw.tax_rule,
    secret: raw.secret,
    addon_to: raw.addon_to,
    subevent: raw.subevent,
    pseudonymization_id: raw.pseudonymization_id,
    seat: raw.seat && seatOf(raw.seat),
    canceled: raw.canceled,
    ...(raw.blocked.length > 0 && { blocked: raw.blocked }),
    ...(raw.valid_from !== null && { valid_from: raw.valid_from }),
    ...(raw.valid_until !== null && { valid_until: raw.valid_until }),
    answers: raw.answers,
    checkins: checkinsOf(raw, scope, findings),
  };
}

function seatOf(raw: z.output<typeof Seat>): NonNullable<PositionContent['seat']> {
  return {
    id: raw.id,
    name: raw.name,
    seat_guid: raw.seat_guid,
    ...(raw.zone_name !== null && { zone_name: raw.zone_name }),
    ...(raw.row_name !== null && { row_name: raw.row_name }),
    ...(raw.seat_number !== null && { seat_number: raw.seat_number }),
  };
}

/** Refused scans are no check-ins; rows with unknown lists are counted and left out (import.md §3). */
function checkinsOf(raw: RawPosition, scope: EventScope, findings: Findings): PositionContent['checkins'] {
  const checkins: PositionContent['checkins'] = [];
  for (const { successful, ...checkin } of raw.checkins) {
    if (!successful) continue;
    if (scope.known.lists.has(checkin.list)) checkins.push(checkin);
    else findings.note('checkin.unknown_list');
  }
  return checkins;
}
