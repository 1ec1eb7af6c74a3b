import { z } from 'zod';
import { checkinListShape } from './checkin-list';
import { catalog, event, type EventOf } from './define';

/* The events of the gates (design §3). Texts in `describe` are published with the schemas (asyncapi.yaml). */

/** The stream of a ticket's admission history. */
export const ticketStream = (position: number): string => `ticket-${position}`;

const id = z.int();
const datetime = z
  .string()
  .describe('When the device says it happened: UTC, ending in Z, with six decimals of a second or none.');
const forced = z.boolean().describe('Somebody at the gate overrode a refusal.');
const noncePresent = z.boolean().describe('The device named its scan, so that a repeat is recognised.');

/** The public facts of a scanned ticket. */
const subject = {
  organizer: z.string(),
  event: z.string(),
  list: id.describe('The check-in list, which is a gate or a kind of entry.'),
  position: id.describe('The ticket.'),
  item: id.describe('The product that was bought.'),
  variation: id.nullable(),
  date: id.nullable().describe('The date of an event series that the ticket is for.'),
};

/** The scanning app, if its key names one (contract §3.1). Absent for tokens and devices. */
const app = z
  .string()
  .optional()
  .meta({ description: 'The app that scanned, where its key names one.', examples: ['pretixdroid', 'pretixdesk'] });

/** A ticket was let in, by a scan or automatically with its order (contract §2.5, §2.6). */
export const PositionRedeemed = event(
  'PositionRedeemed',
  z.object({
    ...subject,
    first: z.boolean().describe('False for a forced repeat: the first entry stands, this one is only recorded.'),
    again: z
      .boolean()
      .optional()
      .describe(
        'True for an entry after another one by this list: the ticket had left, or the list allows several entries.',
      ),
    forced,
    auto: z.boolean().describe('Let in with its order, without a scan.'),
    datetime,
    nonce: z.string().nullable(),
    nonce_present: noncePresent,
    app,
  }),
  { privateFields: ['nonce'] },
);

/** A ticket left, by a scan at an exit or with everybody else at the list's `exit_all_at` (contract §10, 3.9 and 3.12). */
export const PositionExited = event(
  'PositionExited',
  z.object({
    ...subject,
    forced,
    auto: z
      .boolean()
      .describe('Counted as having left at the time at which the list lets everybody leave, without a scan.'),
    datetime,
    nonce: z.string().nullable(),
    nonce_present: noncePresent,
    app,
  }),
  { privateFields: ['nonce'] },
);

/** Answers to check-in questions, given with the accepted scan; each replaces an earlier answer to the same question. */
export const AnswersGiven = event(
  'AnswersGiven',
  z.object({
    ...subject,
    questions: z
      .array(id)
      .describe('Which questions were answered or taken back; the answers themselves are not published.'),
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

/** A refused scan. It changes no state and is stored in the stream of the process that refused it. */
export const RedemptionRefused = event(
  'RedemptionRefused',
  z.object({
    organizer: z.string(),
    event: z.string(),
    list: id,
    position: id
      .nullable()
      .describe('The ticket; null when no ticket has the secret that was scanned, which itself is never published.'),
    item: id.nullable(),
    variation: id.nullable(),
    date: id.nullable(),
    reason: z.string().meta({
      description: 'As the scanner was answered, plus `incomplete` (questions are open) and `unknown_ticket`.',
      examples: [
        'already_redeemed',
        'unpaid',
        'product',
        'canceled',
        'blocked',
        'unapproved',
        'invalid_time',
        'rules',
        'ambiguous',
        'incomplete',
        'unknown_ticket',
      ],
    }),
    kind: z.literal('exit').optional().describe('What was refused: an exit; absent for an entry.'),
    reported: z
      .literal(true)
      .optional()
      .describe('The scanner refused it by itself, without a network, for the reason that it names; told later.'),
    forced: z.boolean().describe('Somebody at the gate tried to override the refusal.'),
    datetime,
    nonce_present: noncePresent,
    app,
  }),
  { subject: ({ position }) => (position === null ? null : ticketStream(position)) },
);

/**
 * Scans with the same result as the scans before them: of equal ones (actor, list, ticket, result) only the first few of a
 * minute are events of their own, further ones are counted here. It changes no state and is stored in the stream of the
 * process.
 */
export const ScansRepeated = event(
  'ScansRepeated',
  z.object({
    organizer: z.string(),
    event: z.string(),
    list: id,
    position: id.nullable().describe('The ticket; null for codes that no ticket has, whichever they were.'),
    item: id.nullable(),
    variation: id.nullable(),
    date: id.nullable(),
    reason: z
      .string()
      .nullable()
      .describe(
        'As in `RedemptionRefused`; null: forced repeats of an entry, as `PositionRedeemed` that is not `first`.',
      ),
    kind: z.literal('exit').optional().describe('As in `RedemptionRefused`.'),
    forced: z.boolean().describe('Whether somebody tried to override, at the last of them.'),
    datetime: datetime.describe('When the device says the last of them happened.'),
    count: z.int().min(1).describe('How many scans.'),
    from: z.string().describe('When the first of them came in, UTC.'),
    until: z.string().describe('When the last of them came in, UTC.'),
    app,
  }),
  { subject: ({ position }) => (position === null ? null : ticketStream(position)) },
);

/** A check-in made by another system: one row of an imported position's `checkins`. */
export const CheckinImported = event(
  'CheckinImported',
  z.object({
    ...subject,
    kind: z.enum(['entry', 'exit']),
    auto: z.boolean(),
    forced,
    datetime,
    nonce: z.string().nullable(),
    row: z.string().describe('Names the imported row, so that it is imported once.'),
  }),
  { privateFields: ['nonce'] },
);

/**
 * A check-in was taken back: by a person, or by the scanner that made it (contract §10, 2024–2026). The reason is free text,
 * which may name people.
 */
export const RedemptionUndone = event(
  'RedemptionUndone',
  z.object({
    ...subject,
    reason: z.string(),
    scan: z
      .object({
        kind: z.enum(['entry', 'exit', 'repeat']).describe('What it was; `repeat`: a forced repeat of an entry.'),
        datetime,
      })
      .optional()
      .describe(
        'The one scan that was taken back: others of the ticket by this list stand. Absent: it has none any more.',
      ),
    nonce: z.string().optional(),
  }),
  { privateFields: ['reason', 'nonce'] },
);

const origin = {
  import: z.int().nullable().describe('The number of the import that stated this; null when it came through the API.'),
  hash: z.string().nullable().describe('Of what that import stated.'),
};

export const CheckinListCreated = event('CheckinListCreated', z.object({ ...checkinListShape, ...origin }));
export const CheckinListChanged = event(
  'CheckinListChanged',
  z.object({
    ...checkinListShape,
    ...origin,
    replaced_edits: z.boolean().describe('An import replaced what had been edited here.'),
  }),
);
export const CheckinListDeleted = event(
  'CheckinListDeleted',
  z.object({ organizer: z.string(), event: z.string(), id }),
);

export const admission = catalog([
  PositionRedeemed,
  PositionExited,
  AnswersGiven,
  RedemptionRefused,
  ScansRepeated,
  CheckinImported,
  RedemptionUndone,
  CheckinListCreated,
  CheckinListChanged,
  CheckinListDeleted,
]);

export type PositionRedeemed = EventOf<typeof PositionRedeemed>;
export type PositionExited = EventOf<typeof PositionExited>;
export type AnswersGiven = EventOf<typeof AnswersGiven>;
export type RedemptionRefused = EventOf<typeof RedemptionRefused>;
export type ScansRepeated = EventOf<typeof ScansRepeated>;
export type CheckinImported = EventOf<typeof CheckinImported>;
export type RedemptionUndone = EventOf<typeof RedemptionUndone>;
export type CheckinListCreated = EventOf<typeof CheckinListCreated>;
export type CheckinListChanged = EventOf<typeof CheckinListChanged>;
export type CheckinListDeleted = EventOf<typeof CheckinListDeleted>;

/** The events of a ticket's stream `ticket-<position id>`. */
export const ticketEvents = admission.only(
  PositionRedeemed,
  PositionExited,
  AnswersGiven,
  CheckinImported,
  RedemptionUndone,
);
export type TicketEvent = PositionRedeemed | PositionExited | AnswersGiven | CheckinImported | RedemptionUndone;
/** The events of a list's stream `checkinlist-<id>`. */
export const checkinListEvents = admission.only(CheckinListCreated, CheckinListChanged, CheckinListDeleted);
export type CheckinListEvent = CheckinListCreated | CheckinListChanged | CheckinListDeleted;
export type AdmissionEvent = TicketEvent | CheckinListEvent | RedemptionRefused | ScansRepeated;

/** The stream of a check-in list. */
export const listStream = (list: number): string => `checkinlist-${list}`;
