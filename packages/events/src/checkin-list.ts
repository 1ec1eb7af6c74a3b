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
  /* Fields of pretix 3.9 and later (contract §10). Absent: never stated; the default holds, and replies do not show it. */
  allow_multiple_entries: z.boolean().optional().describe('A ticket may enter again without having left. Default: no.'),
  allow_entry_after_exit: z.boolean().optional().describe('A ticket that has left may enter again. Default: yes.'),
  rules: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("Who may enter when, in pretix's JSON logic; an empty object: everybody."),
  exit_all_at: z
    .string()
    .nullable()
    .optional()
    .describe('When everybody who is inside counts as having left; from then on every day at that time.'),
  addon_match: z
    .boolean()
    .optional()
    .describe('A scan of a ticket may mean that one of its add-ons which is on the list. Default: no.'),
  ignore_in_statistics: z.boolean().optional().describe('Only shown.'),
  consider_tickets_used: z.boolean().optional().describe('Only shown.'),
};

export type CheckinListFields = Readonly<z.output<z.ZodObject<typeof checkinListShape>>>;

/** The fields of a list without the event's other fields. */
export const checkinListFields = (data: CheckinListFields): CheckinListFields =>
  Object.fromEntries(
    (Object.keys(checkinListShape) as (keyof CheckinListFields)[])
      .filter((name) => data[name] !== undefined)
      .map((name) => [name, data[name]]),
  ) as CheckinListFields;
