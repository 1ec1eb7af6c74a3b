import type { VoucherFact } from '@gatehouse/events/reference';
import { foldCase } from '@gatehouse/domain/fold';
import { parseInstant, sortable, type Instant } from '@gatehouse/domain/instant';
import type { VoucherTerms } from '@gatehouse/domain/voucher';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { productAccount, quotaAccount, type Tallies } from './tallies';

/** A row of `shop_vouchers`; in `date` 0 means none. */
export type VoucherRow = {
  readonly id: number;
  readonly revision: number;
  readonly event: string;
  readonly code_key: string;
  readonly max_usages: number;
  readonly redeemed: number;
  readonly blocks: boolean;
  readonly valid_until: string | null;
  readonly item: number | null;
  readonly variation: number | null;
  readonly quota: number | null;
  readonly date: number;
  readonly seat: string | null;
  readonly terms_changed: number;
};

/** The form of a voucher's code by which it is found: whatever its case (contract §2.9). */
export const codeKey = foldCase;

/** The row of a stated voucher, but for when its terms changed. */
export function voucherRow(fact: VoucherFact, revision: number): Omit<VoucherRow, 'terms_changed'> {
  const { id, code, max_usages, redeemed, block_quota: blocks, valid_until, item, variation, quota } = fact;
  return {
    id,
    revision,
    event: `${fact.organizer}/${fact.event}`,
    code_key: codeKey(code),
    max_usages,
    redeemed,
    blocks,
    valid_until: valid_until === null ? null : sortable(parseInstant(valid_until)!),
    item,
    variation,
    quota,
    date: fact.subevent ?? 0,
    seat: fact.seat,
  };
}

/** An instant as the tables sort it, in its canonical form. */
export const untilOf = (sorted: string | null): Instant | null => (sorted === null ? null : parseInstant(sorted)!);

/** What decides whether carts with a voucher count besides it. */
export const termsOf = ({ blocks, valid_until }: Pick<VoucherRow, 'blocks' | 'valid_until'>): VoucherTerms => ({
  blocks,
  valid_until: untilOf(valid_until),
});

export const haveSameTerms = (a: VoucherRow | Omit<VoucherRow, 'terms_changed'>, b: VoucherRow): boolean =>
  a.blocks === b.blocks && a.valid_until === b.valid_until;

/** What a voucher blocks counts until it is invalid: at its variation, else its product, else its quota (contract §2.7). */
export function tallyVoucher(tallies: Tallies, row: VoucherRow, by: number): void {
  const free = Math.max(0, row.max_usages - row.redeemed);
  const account = blockedBy(row);
  if (row.blocks && free > 0 && account !== null) {
    tallies.count(account, untilOf(row.valid_until), 'vouchers', by * free);
  }
}

function blockedBy({ event, item, variation, quota, date }: VoucherRow): string | null {
  // Where one is bound to a product with variations, and to none of them, the product itself is what the quotas hold.
  if (item !== null || variation !== null) {
    return productAccount(event, { item: item ?? 0, variation, date: date || null });
  }
  return quota === null ? null : quotaAccount(event, { id: quota, date: date || null });
}

export async function readVouchers(tx: Tx, ids: Iterable<number>): Promise<Map<number, VoucherRow>> {
  const { rows } = await tx.query<VoucherRow>({
    name: 'shop_vouchers_before',
    text: `select v.* from unnest($1::integer[]) as q(id)
           cross join lateral (select * from shop_vouchers where id = q.id offset 0) v`,
    values: [[...ids]],
  });
  return new Map(rows.map((row) => [row.id, row]));
}

export async function writeVouchers(tx: Tx, rows: readonly VoucherRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query({
    name: 'shop_write_vouchers',
    text: `insert into shop_vouchers select * from json_populate_recordset(null::shop_vouchers, $1)
           on conflict (id) do update
             set revision = excluded.revision, event = excluded.event, code_key = excluded.code_key,
               max_usages = excluded.max_usages, redeemed = excluded.redeemed, blocks = excluded.blocks,
               valid_until = excluded.valid_until, item = excluded.item, variation = excluded.variation,
               quota = excluded.quota, date = excluded.date, seat = excluded.seat, terms_changed = excluded.terms_changed`,
    values: [JSON.stringify(rows)],
  });
}
