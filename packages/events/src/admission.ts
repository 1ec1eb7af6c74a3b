import { z } from 'zod';
import { catalog, event, type EventOf } from './define';

/* What happens at the gates (design §3). Published enums are open: a reader must expect values that it does not know. */

const id = z.int();
/** Canonical instant: UTC, `Z`, six decimals or none. */
const instant = z.string();

/** What an analyst may know of the ticket that was scanned. */
const subject = {
  organizer: z.string(),
  event: z.string(),
  list: id,
  position: id,
  item: id,
  variation: id.nullable(),
  date: id.nullable(),
};

/** The app that scanned, where its key names one: `pretixdroid`, `pretixdesk` (contract §3.1). Absent for tokens and devices. */
const app = z.string().optional();

/** A ticket was let in, by a scan or automatically with its order (contract §2.5, §2.6). */
export const PositionRedeemed = event(
  'PositionRedeemed',
  z.object({
    ...subject,
    /** False for a forced repeat: the first entry stands, this one is only told. */
    first: z.boolean(),
    /** Someone at the gate overrode a refusal. */
    forced: z.boolean(),
    auto: z.boolean(),
    /** When the device says it happened. */
    datetime: instant,
    nonce: z.string().nullable(),
    nonce_present: z.boolean(),
    app,
  }),
  { privateFields: ['nonce'] },
);

/** Answers to check-in questions, given with the scan that let the ticket in; question by question they replace earlier ones. */
export const AnswersGiven = event(
  'AnswersGiven',
  z.object({
    ...subject,
    questions: z.array(id),
    answers: z.array(
      z.object({
        question: id,
        /** null: the answer was taken back. */
        answer: z.string().nullable(),
        options: z.array(id),
      }),
    ),
  }),
  { privateFields: ['answers'] },
);

/** A scan was refused. It decides nothing: it stands in the stream of the process that saw it. */
export const RedemptionRefused = event(
  'RedemptionRefused',
  z.object({
    organizer: z.string(),
    event: z.string(),
    list: id,
    /** The ticket, or null when the secret was unknown; the secret itself is never told. */
    position: id.nullable(),
    item: id.nullable(),
    variation: id.nullable(),
    date: id.nullable(),
    /** As on the wire, plus `incomplete` and `unknown_ticket`. */
    reason: z.string(),
    forced: z.boolean(),
    datetime: instant,
    nonce_present: z.boolean(),
    app,
  }),
);

/** A check-in that another system made before: one row of an imported position's `checkins`. */
export const CheckinImported = event(
  'CheckinImported',
  z.object({
    ...subject,
    kind: z.enum(['entry', 'exit']),
    auto: z.boolean(),
    forced: z.boolean(),
    datetime: instant,
    nonce: z.string().nullable(),
    /** Names the row, so that it is imported once. */
    row: z.string(),
  }),
  { privateFields: ['nonce'] },
);

/** A check-in was taken back: the ticket may enter by this list again. */
export const RedemptionUndone = event('RedemptionUndone', z.object({ ...subject, reason: z.string() }));

const listState = {
  organizer: z.string(),
  event: z.string(),
  id,
  name: z.string(),
  all_products: z.boolean(),
  limit_products: z.array(id),
  subevent: id.nullable(),
  include_pending: z.boolean(),
  auto_checkin_sales_channels: z.array(z.string()),
};

/** Where a list's state came from: the API, or the import with this number (then `hash` tells its fact). */
const origin = { import: z.int().nullable(), hash: z.string().nullable() };

export const CheckinListCreated = event('CheckinListCreated', z.object({ ...listState, ...origin }));
export const CheckinListChanged = event(
  'CheckinListChanged',
  z.object({
    ...listState,
    ...origin,
    /** A changed fact replaced what had been edited here. */
    replaced_edits: z.boolean(),
  }),
);
export const CheckinListDeleted = event(
  'CheckinListDeleted',
  z.object({ organizer: z.string(), event: z.string(), id }),
);

export const admission = catalog([
  PositionRedeemed,
  AnswersGiven,
  RedemptionRefused,
  CheckinImported,
  RedemptionUndone,
  CheckinListCreated,
  CheckinListChanged,
  CheckinListDeleted,
]);

export type PositionRedeemed = EventOf<typeof PositionRedeemed>;
export type AnswersGiven = EventOf<typeof AnswersGiven>;
export type RedemptionRefused = EventOf<typeof RedemptionRefused>;
export type CheckinImported = EventOf<typeof CheckinImported>;
export type RedemptionUndone = EventOf<typeof RedemptionUndone>;
export type CheckinListCreated = EventOf<typeof CheckinListCreated>;
export type CheckinListChanged = EventOf<typeof CheckinListChanged>;
export type CheckinListDeleted = EventOf<typeof CheckinListDeleted>;

/** What stands in a ticket's stream `ticket-<position id>`. */
export type TicketEvent = PositionRedeemed | AnswersGiven | CheckinImported | RedemptionUndone;
/** What stands in a list's stream `checkinlist-<id>`. */
export type CheckinListEvent = CheckinListCreated | CheckinListChanged | CheckinListDeleted;
export type AdmissionEvent = TicketEvent | CheckinListEvent | RedemptionRefused;

/** The stream of a ticket's admission history. */
export const ticketStream = (position: number): string => `ticket-${position}`;
/** The stream of a check-in list. */
export const listStream = (list: number): string => `checkinlist-${list}`;
