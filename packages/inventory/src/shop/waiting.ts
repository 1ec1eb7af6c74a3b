import type { Envelope } from '@gatehouse/events/envelope';
import { reference } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { productAccount, type Tallies } from './tallies';

type WaitingRow = { readonly id: number; readonly revision: number; readonly product: string; readonly waits: boolean };

/** Takes over entries of the waiting list. Those without a voucher count (contract §2.7). */
export async function takeWaiting(tx: Tx, events: readonly Envelope[], tallies: Tallies): Promise<void> {
  const newest = new Map<number, WaitingRow>();
  for (const stored of events) {
    const fact = reference.read(stored);
    if (fact?.type !== 'WaitingListEntryStated' || stored.revision < (newest.get(fact.data.id)?.revision ?? 0))
      continue;
    const { organizer, event, id, item, variation, subevent: date, voucher } = fact.data;
    const product = productAccount(`${organizer}/${event}`, { item, variation, date });
    newest.set(id, { id, revision: stored.revision, product, waits: voucher === null });
  }
  if (newest.size === 0) return;
  const { rows } = await tx.query<WaitingRow>({
    name: 'shop_waiting_before',
    text: `select w.* from unnest($1::integer[]) as q(id)
           cross join lateral (select * from shop_waiting where id = q.id offset 0) w`,
    values: [[...newest.keys()]],
  });
  const before = new Map(rows.map((row) => [row.id, row]));
  const changed = [...newest.values()].filter(({ id, revision }) => revision > (before.get(id)?.revision ?? -1));
  for (const row of changed) {
    const was = before.get(row.id);
    if (was?.waits) tallies.take(was.product, 'waiting', -1);
    if (row.waits) tallies.take(row.product, 'waiting', 1);
  }
  await tx.query({
    name: 'shop_write_waiting',
    text: `insert into shop_waiting select * from json_populate_recordset(null::shop_waiting, $1)
           on conflict (id) do update
             set revision = excluded.revision, product = excluded.product, waits = excluded.waits`,
    values: [JSON.stringify(changed)],
  });
}
