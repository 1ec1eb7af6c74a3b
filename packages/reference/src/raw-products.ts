import { z } from 'zod';
import { variationsOf, type EventScope } from './known';
import {
  Amount,
  Flag,
  FlagOn,
  I18n,
  Id,
  Ids,
  Label,
  MaybeAmount,
  MaybeI18nLong,
  MaybeId,
  MaybeMoment,
  MaybeName,
  NameOrEmpty,
  or,
  Place,
  reader,
  SeatGuid,
  type Stated,
} from './raw';
import { checkDate, checkItems, checkProduct } from './references';

/* Tax rules, products, quotas, vouchers and the waiting list of an event, in the format of pretix's API. */

/** A rule of `taxrules.json`. */
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

/** A product of `items.json`; its category and tax rule must exist if the export has any of these. */
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

const Quota = z.object({
  id: Id,
  name: NameOrEmpty,
  size: or(z.int32(), null),
  items: Ids,
  variations: Ids,
  subevent: MaybeId,
  close_when_sold_out: Flag,
  closed: Flag,
  release_after_exit: Flag,
  ignore_for_event_availability: Flag,
});

/** A quota of `quotas.json`; its products, variations and date must exist. */
export const readQuota = reader(Quota, (raw, scope: EventScope, findings): Stated<'QuotaStated'> => {
  checkItems(scope.known, raw.items, 'items', findings.issue);
  const variations = new Set([...scope.known.items.values()].flatMap((of) => [...of]));
  for (const variation of raw.variations) {
    if (!variations.has(variation)) findings.issue('variations', `${variation} is no variation of this event`);
  }
  checkDate(scope.known, raw.subevent, findings.issue);
  return { organizer: scope.organizer, event: scope.event, ...raw };
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
  seat: or(SeatGuid, null),
});

/** A voucher of `vouchers.json`; product, date and quota must exist. */
export const readVoucher = reader(Voucher, (raw, scope: EventScope, findings): Stated<'VoucherStated'> => {
  checkProduct(scope.known, raw.item, raw.variation, findings.issue);
  checkDate(scope.known, raw.subevent, findings.issue);
  if (raw.quota !== null && scope.known.quotas && !scope.known.quotas.has(raw.quota)) {
    findings.issue('quota', `${raw.quota} is no quota of this event`);
  }
  return { organizer: scope.organizer, event: scope.event, ...raw };
});

/** An entry of `waitinglistentries.json`; product and date must exist. */
export const readWaiting = reader(
  z.object({ id: Id, item: Id, variation: MaybeId, subevent: MaybeId, voucher: MaybeId }),
  (raw, scope: EventScope, findings): Stated<'WaitingListEntryStated'> => {
    checkProduct(scope.known, raw.item, raw.variation, findings.issue);
    checkDate(scope.known, raw.subevent, findings.issue);
    return { organizer: scope.organizer, event: scope.event, ...raw };
  },
);
