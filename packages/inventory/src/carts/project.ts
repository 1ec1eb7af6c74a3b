import type { Envelope } from '@gatehouse/events/envelope';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { fillStatement } from '@gatehouse/eventing/inline';
import { lockReadModel } from '@gatehouse/eventing/read-model-lock';
import { cartsInline, changeOf, factOf, rowOf, type Stored } from './changes';

/** Applies what was reserved, released and so on to the read model `carts`. Refusals are in streams of their own and change nothing here. */
export async function projectCarts(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const byEvent = new Map<string, Stored[]>();
  for (const stored of events) {
    const fact = factOf(stored);
    if (!fact) continue;
    const event = `${fact.data.organizer}/${fact.data.event}`;
    const { revision, time } = stored;
    const own = byEvent.get(event);
    if (own) own.push({ revision, time, fact });
    else byEvent.set(event, [{ revision, time, fact }]);
  }
  if (byEvent.size === 0) return;
  await lockReadModel(tx, 'carts');
  const { rows } = await tx.query<{ event: string; revision: number }>({
    name: 'carts_progress',
    text: `select q.event, i.revision from unnest($1::text[]) as q(event)
           cross join lateral (select revision from inventories where event = q.event offset 0) i`,
    values: [[...byEvent.keys()]],
  });
  const applied = new Map(rows.map(({ event, revision }) => [event, revision]));
  const changes = [...byEvent].flatMap(([event, stored]) => {
    const unseen = stored.filter(({ revision }) => revision >= (applied.get(event) ?? 0));
    return unseen.length > 0 ? [changeOf(event, unseen)] : [];
  });
  if (changes.length === 0) return;
  await tx.query(fillStatement(cartsInline, changes.map(rowOf)));
}
