import { z } from 'zod';
import { catalog, event, type EventOf } from './define';

/*
 * Batches of offline tickets (contract §9, design §7). A batch begins with BatchRequested and ends with BatchCreated or
 * BatchFailed, which repeat what was requested, so that a reader needs no earlier event of the stream but the tickets.
 * The rendering of a batch is no history: its jobs and files are rows that expire.
 */

/** The stream of a batch. `batch` is a UUID: that of the job by which a client follows its creation (contract §9.4). */
export const batchStream = (batch: string): string => `batch-${batch}`;

const id = z.int();
const money = z.string();

const batch = {
  organizer: z.string(),
  event: z.string(),
  batch: z.string().describe('The batch of offline tickets.'),
  item: id.describe('The product.'),
  variation: id.nullable(),
  date: id.nullable().describe('The date of an event series.'),
  amount: z.int().describe('Number of tickets.'),
  sales_channel: z.string(),
  testmode: z.boolean().describe('The tickets are for testing.'),
  datetime: z.string().describe('When it was requested: UTC, ending in Z, with six decimals of a second or none.'),
};

/** What every ticket of a batch costs, and how it is printed. */
const terms = {
  id: id.describe('The number of the batch in the API.'),
  layout: id.describe('The layout of its tickets.'),
  price: money.describe('Of one ticket, with its tax; two decimals.'),
  tax_rate: money,
  tax_value: money,
  tax_rule: id.nullable(),
  locale: z.string().describe('The language of the orders.'),
};

/** A batch was requested. There are neither places nor tickets for it yet. */
export const BatchRequested = event(
  'BatchRequested',
  z.object({ ...batch, ...terms, comment: z.string().describe('For the organizer only.') }),
  { privateFields: ['comment'] },
);

/** A ticket of a batch: one order with one position. */
const Ticket = z.object({
  /** The order's. */
  code: z.string(),
  secret: z.string(),
  pseudonymization_id: z.string(),
});
export type Ticket = z.infer<typeof Ticket>;

/**
 * Some tickets of a batch, in their order. They are not valid before BatchCreated, which is appended together with the last
 * ones. Nothing of this is published: whoever knows a secret may enter.
 */
export const TicketsIssued = event(
  'TicketsIssued',
  z.object({
    batch: batch.batch,
    /** How many tickets of the batch were issued before these. */
    from: z.int(),
    /** The position of the first of these; those of the others follow it without a gap. From 1,000,000,000, where no shop has any. */
    first_position: id,
    tickets: z.array(Ticket),
  }),
  { isPrivate: true },
);

/** All tickets of a batch are issued, and valid from now on: paid orders of one ticket each. */
export const BatchCreated = event(
  'BatchCreated',
  z.object({
    ...batch,
    ...terms,
    first_position: id.describe('The position of its first ticket; those of the others follow it without a gap.'),
  }),
);

/** A batch was not made. None of its tickets is valid, and places that it has taken must be returned. */
export const BatchFailed = event(
  'BatchFailed',
  z.object({ ...batch, message: z.string().describe('The reason for people, in English.') }),
);

/** The events of the streams `batch-<UUID>`, which are all events of the context `sales`. */
export const sales = catalog([BatchRequested, TicketsIssued, BatchCreated, BatchFailed]);

export type BatchRequested = EventOf<typeof BatchRequested>;
export type TicketsIssued = EventOf<typeof TicketsIssued>;
export type BatchCreated = EventOf<typeof BatchCreated>;
export type BatchFailed = EventOf<typeof BatchFailed>;
export type BatchEvent = BatchRequested | TicketsIssued | BatchCreated | BatchFailed;
