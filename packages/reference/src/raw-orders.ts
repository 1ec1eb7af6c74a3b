import { z } from 'zod';
import { wrongDate, wrongProduct, type EventScope } from './known';
import {
  Amount,
  Flag,
  Id,
  Label,
  MaybeId,
  MaybeText,
  Moment,
  or,
  Parts,
  reader,
  SharedId,
  Texts,
  type Findings,
  type Stated,
} from './raw';
import { nameParts } from './raw-products';

const Checkin = z.object({
  id: MaybeId,
  list: Id,
  datetime: Moment,
  type: or(z.enum(['entry', 'exit'], { error: 'is neither entry nor exit' }), 'entry' as const),
  auto_checked_in: Flag,
  forced: Flag,
  nonce: MaybeText,
  successful: or(z.boolean(), true),
});

const Answer = z.object({
  question: Id,
  answer: or(z.string(), ''),
  question_identifier: or(z.string(), ''),
  options: or(z.array(Id), []),
  option_identifiers: Texts,
});

const Seat = z.object({
  id: Id,
  name: or(z.string(), ''),
  seat_guid: z.string(),
  zone_name: MaybeText,
  row_name: MaybeText,
  seat_number: MaybeText,
});

const Position = z.object({
  id: SharedId,
  positionid: z.int32(),
  item: Id,
  variation: MaybeId,
  price: Amount,
  attendee_name: MaybeText,
  attendee_name_parts: Parts,
  attendee_email: MaybeText,
  voucher: MaybeId,
  tax_rate: or(Amount, '0.00'),
  tax_value: or(Amount, '0.00'),
  tax_rule: MaybeId,
  secret: z.string().refine((secret) => secret !== '', 'may not be blank'),
  addon_to: MaybeId,
  subevent: MaybeId,
  pseudonymization_id: or(z.string(), ''),
  seat: or(Seat, null),
  canceled: Flag,
  answers: or(z.array(Answer), []),
  checkins: or(z.array(Checkin), []),
  blocked: or(z.array(z.unknown()), []),
  valid_from: MaybeText,
  valid_until: MaybeText,
});

const Order = z.object({
  code: Label,
  status: z.enum(['n', 'p', 'e', 'c'], { error: 'must be n, p, e or c' }),
  testmode: Flag,
  email: MaybeText,
  datetime: Moment,
  sales_channel: or(z.string(), 'web'),
  locale: MaybeText,
  require_approval: Flag,
  checkin_attention: Flag,
  invoice_address: or(z.object({ name: or(z.string(), ''), name_parts: Parts, company: or(z.string(), '') }), null),
  positions: or(z.array(Position), []),
  valid_if_pending: Flag,
});

type RawPosition = z.output<typeof Position>;
export type OrderContent = Stated<'OrderStated'>;
type PositionContent = OrderContent['positions'][number];

/** An order with its positions, their answers and their history at the gates. */
export const readOrder = reader(Order, (raw, scope: EventScope, findings): OrderContent => {
  if (raw.valid_if_pending) findings.note('order.valid_if_pending');
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
  const wrong = wrongProduct(known, position.item, position.variation);
  if (wrong) issue(wrong[0], wrong[1]);
  const date = wrongDate(known, position.subevent);
  if (date !== undefined) issue('subevent', date);
  const { questions } = known;
  if (!questions) return;
  position.answers.forEach((answer, i) => {
    if (questions.has(answer.question)) return;
    issue(`answers[${i}].question`, `${answer.question} is no question of this event`);
  });
}

function positionOf(raw: RawPosition, scope: EventScope, findings: Findings): PositionContent {
  if (raw.blocked.length > 0) findings.note('position.blocked');
  if (raw.valid_from !== null) findings.note('position.valid_from');
  if (raw.valid_until !== null) findings.note('position.valid_until');
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

/** Refused scans are no check-ins; rows of lists that nobody knows are counted and left out (import.md §3). */
function checkinsOf(raw: RawPosition, scope: EventScope, findings: Findings): PositionContent['checkins'] {
  const checkins: PositionContent['checkins'] = [];
  for (const { successful, ...checkin } of raw.checkins) {
    if (!successful) continue;
    if (scope.known.lists.has(checkin.list)) checkins.push(checkin);
    else findings.note('checkin.unknown_list');
  }
  return checkins;
}
