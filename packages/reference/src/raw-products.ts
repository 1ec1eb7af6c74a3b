import { z } from 'zod';
import { variationsOf, wrongDate, wrongProduct, type EventScope } from './known';
import { json } from './limits';
import {
  Amount,
  Code,
  Coordinate,
  filled,
  Flag,
  FlagOn,
  I18n,
  I18nLong,
  Id,
  Ids,
  IdentifierOrEmpty,
  Identifiers,
  Label,
  MaybeAmount,
  MaybeI18nLong,
  MaybeId,
  MaybeMoment,
  MaybeName,
  Moment,
  Name,
  NameOrEmpty,
  or,
  Parts,
  Place,
  Present,
  reader,
  SharedId,
  type Findings,
  type Stated,
} from './raw';

/*
 * What an event sells and who may come in: products, quotas, questions, check-in lists, vouchers, seats, carts.
 */

export const readTaxRule = reader(
  z.object({ id: Id, name: I18n, rate: Amount }),
  (raw, { organizer, event }: EventScope): Stated<'TaxRuleStated'> => ({ organizer, event, ...raw }),
);

const Item = z.object({
  id: Id,
  name: I18n,
  internal_name: MaybeName,
  description: MaybeI18nLong,
  active: FlagOn,
  category: MaybeId,
  position: Place,
  admission: Flag,
  default_price: MaybeAmount,
  tax_rule: MaybeId,
  tax_rate: MaybeAmount,
  checkin_attention: Flag,
  generate_tickets: or(z.boolean(), null),
  has_variations: or(z.boolean(), null),
  variations: or(
    z.array(
      z.object({
        id: Id,
        value: I18n,
        active: FlagOn,
        position: Place,
        default_price: MaybeAmount,
        checkin_attention: Flag,
      }),
    ),
    [],
  ),
});

export const readItem = reader(Item, (raw, scope: EventScope, findings): Stated<'ItemStated'> => {
  const { known } = scope;
  const { category, tax_rule: taxRule, variations } = raw;
  if (category !== null && known.categories && !known.categories.has(category)) {
    findings.issue('category', `${category} is no category of this event`);
  }
  if (taxRule !== null && known.taxRules && !known.taxRules.has(taxRule)) {
    findings.issue('tax_rule', `${taxRule} is no tax rule of this event`);
  }
  if (variationsOf(raw).size < variations.length) findings.issue('variations', 'one id is there twice');
  const { organizer, event } = scope;
  return { organizer, event, ...raw, has_variations: raw.has_variations ?? variations.length > 0 };
});

function checkItems(scope: EventScope, items: readonly number[], key: string, findings: Findings): void {
  for (const item of items) {
    if (!scope.known.items.has(item)) findings.issue(key, `${item} is no product of this event`);
  }
}

function checkDate(scope: EventScope, subevent: number | null, findings: Findings): void {
  const reason = wrongDate(scope.known, subevent);
  if (reason !== undefined) findings.issue('subevent', reason);
}

function checkProduct(scope: EventScope, item: number | null, variation: number | null, findings: Findings): void {
  if (item === null) return;
  const wrong = wrongProduct(scope.known, item, variation);
  if (wrong) findings.issue(wrong[0], wrong[1]);
}

const Quota = z.object({
  id: Id,
  name: NameOrEmpty,
  size: or(z.int32(), null),
  items: Ids,
  variations: Ids,
  subevent: MaybeId,
  close_when_sold_out: Flag,
  closed: Flag,
});

export const readQuota = reader(Quota, (raw, scope: EventScope, findings): Stated<'QuotaStated'> => {
  checkItems(scope, raw.items, 'items', findings);
  const variations = new Set([...scope.known.items.values()].flatMap((of) => [...of]));
  for (const variation of raw.variations) {
    if (!variations.has(variation)) findings.issue('variations', `${variation} is no variation of this event`);
  }
  checkDate(scope, raw.subevent, findings);
  return { organizer: scope.organizer, event: scope.event, ...raw };
});

const Question = z.object({
  id: Id,
  question: I18nLong,
  type: filled(Code),
  required: Flag,
  items: Ids,
  options: or(z.array(z.object({ id: Id, identifier: IdentifierOrEmpty, answer: I18n, position: Place })), []),
  position: Place,
  ask_during_checkin: Flag,
  identifier: IdentifierOrEmpty,
  dependency_question: MaybeId,
  dependency_values: or(z.array(Name), null),
  /** The form of older versions. */
  dependency_value: MaybeName,
  hidden: Flag,
  print_on_invoice: Flag,
  valid_number_min: Present,
  valid_number_max: Present,
  valid_date_min: Present,
  valid_date_max: Present,
  valid_datetime_min: Present,
  valid_datetime_max: Present,
  valid_string_length_max: Present,
  valid_string_length_min: Present,
});

export const readQuestion = reader(Question, (raw, scope: EventScope, findings): Stated<'QuestionStated'> => {
  checkItems(scope, raw.items, 'items', findings);
  const limited = Object.entries(raw).some(([key, value]) => key.startsWith('valid_') && value === true);
  if (limited) findings.note('question.limits');
  return {
    organizer: scope.organizer,
    event: scope.event,
    id: raw.id,
    question: raw.question,
    type: raw.type,
    required: raw.required,
    items: raw.items,
    options: raw.options,
    position: raw.position,
    ask_during_checkin: raw.ask_during_checkin,
    identifier: raw.identifier,
    dependency_question: raw.dependency_question,
    dependency_values: raw.dependency_values ?? (raw.dependency_value === null ? [] : [raw.dependency_value]),
    hidden: raw.hidden,
    print_on_invoice: raw.print_on_invoice,
  };
});

const CheckinList = z.object({
  id: SharedId,
  name: Label,
  all_products: FlagOn,
  limit_products: Ids,
  subevent: MaybeId,
  include_pending: Flag,
  /** Gone in newer versions. */
  auto_checkin_sales_channels: Identifiers,
  rules: Present,
  allow_multiple_entries: Present,
  exit_all_at: Present,
  addon_match: Present,
});

export const readList = reader(CheckinList, (raw, scope: EventScope, findings): Stated<'ListStated'> => {
  const { rules, allow_multiple_entries, exit_all_at, addon_match, ...list } = raw;
  checkItems(scope, list.limit_products, 'limit_products', findings);
  checkDate(scope, list.subevent, findings);
  if (rules) findings.note('list.rules');
  if (allow_multiple_entries) findings.note('list.allow_multiple_entries');
  if (exit_all_at) findings.note('list.exit_all_at');
  if (addon_match) findings.note('list.addon_match');
  if (scope.known.hasSubevents && list.subevent === null) findings.note('list.without_date');
  return { organizer: scope.organizer, event: scope.event, ...list };
});

const Voucher = z.object({
  id: Id,
  code: Label,
  max_usages: or(z.int32(), 1),
  redeemed: or(z.int32(), 0),
  valid_until: MaybeMoment,
  block_quota: Flag,
  allow_ignore_quota: Flag,
  item: MaybeId,
  variation: MaybeId,
  quota: MaybeId,
  subevent: MaybeId,
  seat: or(SeatName(), null),
});

/** A seat is named by its guid, or shown whole. */
function SeatName() {
  return z.union([Name, z.object({ seat_guid: Name }).transform((seat) => seat.seat_guid)], {
    error: 'is neither the guid of a seat nor a seat',
  });
}

export const readVoucher = reader(Voucher, (raw, scope: EventScope, findings): Stated<'VoucherStated'> => {
  checkProduct(scope, raw.item, raw.variation, findings);
  checkDate(scope, raw.subevent, findings);
  if (raw.quota !== null && scope.known.quotas && !scope.known.quotas.has(raw.quota)) {
    findings.issue('quota', `${raw.quota} is no quota of this event`);
  }
  return { organizer: scope.organizer, event: scope.event, ...raw };
});

export const readWaiting = reader(
  z.object({ id: Id, item: Id, variation: MaybeId, subevent: MaybeId, voucher: MaybeId }),
  (raw, scope: EventScope, findings): Stated<'WaitingListEntryStated'> => {
    checkProduct(scope, raw.item, raw.variation, findings);
    checkDate(scope, raw.subevent, findings);
    return { organizer: scope.organizer, event: scope.event, ...raw };
  },
);

const Seat = z.object({
  id: Id,
  subevent: MaybeId,
  seat_guid: Label,
  zone_name: MaybeName,
  row_name: MaybeName,
  row_label: MaybeName,
  seat_number: MaybeName,
  seat_label: MaybeName,
  product: MaybeId,
  blocked: Flag,
  x: or(Coordinate, null),
  y: or(Coordinate, null),
  sorting_rank: or(z.int32(), null),
});

/** Where a seat stands comes from the export or, where that says nothing, from the plan of its date or event. */
export const readSeat = reader(Seat, (raw, scope: EventScope, findings): Stated<'SeatStated'> => {
  const { known, plans } = scope;
  checkDate(scope, raw.subevent, findings);
  if (raw.product !== null && !known.items.has(raw.product)) {
    findings.issue('product', `${raw.product} is no product of this event`);
  }
  const plan = raw.subevent === null ? known.seatingPlan : (known.dates.get(raw.subevent) ?? known.seatingPlan);
  const spot = plan === null ? undefined : plans.get(plan)?.get(raw.seat_guid);
  return {
    organizer: scope.organizer,
    event: scope.event,
    ...raw,
    x: raw.x ?? spot?.x ?? null,
    y: raw.y ?? spot?.y ?? null,
    sorting_rank: raw.sorting_rank ?? spot?.rank ?? null,
  };
});

const CartPosition = z.object({
  id: SharedId,
  cart_id: Label,
  item: Id,
  variation: MaybeId,
  price: Amount,
  attendee_name: MaybeName,
  attendee_name_parts: Parts,
  attendee_email: MaybeName,
  voucher: MaybeId,
  addon_to: MaybeId,
  subevent: MaybeId,
  datetime: Moment,
  expires: Moment,
  includes_tax: FlagOn,
  answers: or(z.array(json()), []),
  seat: or(SeatName(), null),
});

export const readCartPosition = reader(
  CartPosition,
  (raw, scope: EventScope, findings): Stated<'CartPositionStated'> => {
    checkProduct(scope, raw.item, raw.variation, findings);
    checkDate(scope, raw.subevent, findings);
    const { attendee_name: name, ...position } = raw;
    return {
      organizer: scope.organizer,
      event: scope.event,
      ...position,
      attendee_name_parts: nameParts(position.attendee_name_parts, name),
    };
  },
);

/** A name without parts is kept as contract §2.2 keeps it. */
export function nameParts(parts: Record<string, unknown>, name: string | null): Record<string, unknown> {
  return name !== null && name !== '' && Object.keys(parts).length === 0 ? { _legacy: name } : parts;
}

/** Of `checkins.json` only the refused scans are counted: the accepted ones stand in the orders. */
export const readScan = reader(z.unknown(), (raw, _scope: EventScope, findings) => {
  const refused = typeof raw === 'object' && raw !== null && 'successful' in raw && raw.successful === false;
  if (refused) findings.note('checkin.refused');
  return undefined;
});
