import type { BatchRow, MadeBatch } from '@gatehouse/sales/batches/find';

/** A batch as a list shows it (contract §9.1), its keys in their order. */
export const batchInList = (batch: BatchRow): Record<string, unknown> => ({
  id: batch.id,
  creation: batch.creation,
  testmode: batch.testmode,
  sales_channel: batch.sales_channel,
  comment: batch.comment,
  layout: batch.layout,
  subevent: batch.subevent,
  item: batch.item,
  variation: batch.variation,
  amount: batch.amount,
});

/** A batch with the codes of its orders. */
export const batchResource = (batch: MadeBatch): Record<string, unknown> => ({
  ...batchInList(batch),
  orders: batch.orders,
});
