import type { Tx } from '@gatehouse/eventing/event-bus';

/**
 * The instant of this transaction's changes of orders: later than all that were committed, and one transaction at a time has one
 * (`order_clock`).
 */
export async function nextInstant(tx: Tx): Promise<string> {
  const { rows } = await tx.query<{ now: string }>({
    name: 'orders_clock',
    text: `update order_clock set now = greatest(clock_timestamp(), now + interval '1 microsecond') returning now::text`,
  });
  return rows[0]!.now;
}
