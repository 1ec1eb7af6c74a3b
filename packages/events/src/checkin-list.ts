import { z } from 'zod';

/** The fields of a check-in list (contract §4.1), shared by the shop's events and admission's own. */
export const checkinListShape = {
  organizer: z.string(),
  event: z.string(),
  id: z.int(),
  name: z.string(),
  all_products: z.boolean(),
  limit_products: z.array(z.int()),
  subevent: z.int().nullable(),
  include_pending: z.boolean(),
  auto_checkin_sales_channels: z.array(z.string()),
};

export type CheckinListFields = Readonly<z.output<z.ZodObject<typeof checkinListShape>>>;

/** The fields of a list without the event's other fields. */
export const checkinListFields = (data: CheckinListFields): CheckinListFields =>
  Object.fromEntries(
    (Object.keys(checkinListShape) as (keyof CheckinListFields)[]).map((name) => [name, data[name]]),
  ) as CheckinListFields;
