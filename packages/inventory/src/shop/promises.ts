import { inventory } from '@gatehouse/events/inventory';
import type { Envelope } from '@gatehouse/events/envelope';
import { reference, type CartPositionFact, type VoucherFact } from '@gatehouse/events/reference';
import type { VoucherTerms } from '@gatehouse/domain/voucher';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { cartRow, readCarts, readReleased, tallyCart, writeCarts, writeReleased, type CartRow } from './carts';
import type { Tallies } from './tallies';
import {
  haveSameTerms,
  readVouchers,
  tallyVoucher,
  termsOf,
  voucherRow,
  writeVouchers,
  type VoucherRow,
} from './vouchers';

/*
 * Vouchers and carts: what the shop has promised until an instant. They belong together, because a cart does not count while its
 * voucher blocks the place itself. A cart that was released here counts nowhere, from when that is applied: no decision takes it off
 * besides. What the shop states of it is ignored, whichever comes first.
 */

type Said =
  | { readonly type: 'voucher'; readonly id: number; readonly revision: number; readonly fact: VoucherFact }
  | { readonly type: 'cart'; readonly id: number; readonly revision: number; readonly fact: CartPositionFact }
  | { readonly type: 'released'; readonly id: number };

/** What is known of vouchers and carts, before and after. */
type Known = {
  readonly vouchers: Map<number, VoucherRow>;
  readonly carts: Map<number, CartRow>;
  readonly released: Set<number>;
};

/** Takes over what the shop states of vouchers and carts, and which of its carts were released here; moves what is counted of them. */
export async function takePromises(tx: Tx, events: readonly Envelope[], tallies: Tallies): Promise<void> {
  const said = events.flatMap(saidBy);
  if (said.length === 0) return;
  const before = await readKnown(tx, said);
  const revisions = await readRevisions(tx, said);
  const after: Known = {
    vouchers: new Map(before.vouchers),
    carts: new Map(before.carts),
    released: new Set(before.released),
  };
  for (const each of said) take(each, after, revisions);
  tally(tallies, before, -1);
  tally(tallies, after, 1);
  await writeVouchers(tx, changedIn(before.vouchers, after.vouchers));
  await writeCarts(tx, changedIn(before.carts, after.carts));
  await writeReleased(
    tx,
    [...after.released].filter((id) => !before.released.has(id)),
  );
  await writeRevisions(tx, revisions);
}

function saidBy(stored: Envelope): Said[] {
  const { revision } = stored;
  const fact = reference.read(stored);
  if (fact?.type === 'VoucherStated') return [{ type: 'voucher', id: fact.data.id, revision, fact: fact.data }];
  if (fact?.type === 'CartPositionStated') return [{ type: 'cart', id: fact.data.id, revision, fact: fact.data }];
  const event = inventory.read(stored);
  // One of ours leaves the state of the decisions by itself.
  if (event?.type !== 'CartReleased' || !event.data.imported) return [];
  return [{ type: 'released', id: event.data.id }];
}

function take(said: Said, { vouchers, carts, released }: Known, revisions: Map<string, number>): void {
  if (said.type === 'released') {
    carts.delete(said.id);
    released.add(said.id);
    return;
  }
  const { id, revision } = said;
  if (said.type === 'cart') {
    if (!released.has(id) && revision > (carts.get(id)?.revision ?? -1)) carts.set(id, cartRow(said.fact, revision));
    return;
  }
  const was = vouchers.get(id);
  const before = was?.revision ?? -1;
  // It was applied before.
  if (revision <= before) return;
  const row = voucherRow(said.fact, revision);
  // By the revisions of the facts themselves: whoever reads them all anew comes to the same number.
  const reached = (revisions.get(row.event) ?? 0) + revision - before;
  revisions.set(row.event, reached);
  const terms_changed = was && !haveSameTerms(row, was) ? reached : (was?.terms_changed ?? 0);
  vouchers.set(id, { ...row, terms_changed });
}

/** The vouchers and carts that are spoken of, the carts of vouchers whose terms may change, and the vouchers of all these carts. */
async function readKnown(tx: Tx, said: readonly Said[]): Promise<Known> {
  const stated = said.filter((each) => each.type === 'voucher');
  const vouchers = await readVouchers(tx, new Set(stated.map(({ id }) => id)));
  const changing = stated.filter(({ id, fact, revision }) => {
    const was = vouchers.get(id);
    return !was || !haveSameTerms(voucherRow(fact, revision), was);
  });
  const spoken = new Set(said.flatMap(({ type, id }) => (type === 'voucher' ? [] : [id])));
  const released = await readReleased(tx, [...spoken]);
  const carts = await readCarts(tx, {
    ids: spoken,
    vouchers: new Set(changing.map(({ id }) => id)),
  });
  const used = [
    ...[...carts.values()].map(({ voucher }) => voucher),
    ...said.map((each) => (each.type === 'cart' ? each.fact.voucher : null)),
  ];
  const others = new Set(used.filter((id) => id !== null && !vouchers.has(id)) as number[]);
  const more = others.size > 0 ? await readVouchers(tx, others) : [];
  return { vouchers: new Map([...vouchers, ...more]), carts, released };
}

function tally(tallies: Tallies, { vouchers, carts }: Known, by: number): void {
  for (const row of vouchers.values()) tallyVoucher(tallies, row, by);
  for (const cart of carts.values()) tallyCart(tallies, { cart, terms: termsFor(cart, vouchers) }, by);
}

function termsFor({ voucher }: CartRow, vouchers: ReadonlyMap<number, VoucherRow>): VoucherTerms | null {
  const row = voucher === null ? undefined : vouchers.get(voucher);
  return row ? termsOf(row) : null;
}

const changedIn = <T>(before: ReadonlyMap<number, T>, after: ReadonlyMap<number, T>): T[] =>
  [...after].filter(([id, row]) => row !== before.get(id)).map(([, row]) => row);

async function readRevisions(tx: Tx, said: readonly Said[]): Promise<Map<string, number>> {
  const events = said.flatMap((each) => (each.type === 'voucher' ? [`${each.fact.organizer}/${each.fact.event}`] : []));
  const { rows } = await tx.query<{ event: string; revision: number }>({
    name: 'shop_revisions_before',
    text: `select r.* from unnest($1::text[]) as q(event)
           cross join lateral (select * from shop_revisions where event = q.event offset 0) r`,
    values: [[...new Set(events)]],
  });
  return new Map(rows.map(({ event, revision }) => [event, revision]));
}

async function writeRevisions(tx: Tx, revisions: ReadonlyMap<string, number>): Promise<void> {
  if (revisions.size === 0) return;
  await tx.query({
    name: 'shop_write_revisions',
    text: `insert into shop_revisions (event, revision) select * from unnest($1::text[], $2::integer[])
           on conflict (event) do update set revision = excluded.revision`,
    values: [[...revisions.keys()], [...revisions.values()]],
  });
}
