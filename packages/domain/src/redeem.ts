import type {
  AnswersGiven,
  CheckinImported,
  PositionExited,
  PositionRedeemed,
  RedemptionUndone,
} from '@gatehouse/events/admission';
import type { CheckinListFields } from '@gatehouse/events/checkin-list';
import type { Answered, CheckinQuestion } from './answers';
import type { Decision } from './decider';
import { earlier, type Instant } from './instant';
import { exitedWithAll } from './exit-all';
import { mayEnter, wasInsideAt, withPassage } from './passages';
import { passagesAt, type Admissions } from './ticket';

/** The fields of a check-in list that a decision needs. */
export type ListFacts = Omit<CheckinListFields, 'name' | 'limit_products' | 'auto_checkin_sales_channels'> & {
  readonly limit_products: readonly number[];
};

/**
 * The status of a ticket's order: n pending, p paid, e expired, c canceled, and v, which no client sees: pending, but as good as paid
 * (`valid_if_pending`; contract §10, 4.17).
 */
export type TicketStatus = 'n' | 'p' | 'e' | 'c' | 'v';

/** The shop's facts of a ticket that a decision needs. */
export type TicketFacts = {
  readonly position: number;
  readonly item: number;
  readonly variation: number | null;
  readonly date: number | null;
  readonly status: TicketStatus;
  readonly canceled: boolean;
  /** Whether the shop has blocked it; absent: no. */
  readonly blocked?: boolean;
  /** Whether the shop has yet to approve its order; absent: no. */
  readonly unapproved?: boolean;
  /** When it is valid, both ends included; absent: at any time. */
  readonly validFrom?: Instant | undefined;
  readonly validUntil?: Instant | undefined;
  /** Questions that the buyer has answered, by id. */
  readonly answered: ReadonlySet<number>;
};

/** One attempt to enter, or to leave. */
export type Scan = {
  /** Absent: an entry. */
  readonly kind?: 'entry' | 'exit';
  readonly datetime: Instant;
  readonly force: boolean;
  readonly ignoreUnpaid: boolean;
  /** null: a repeat of this attempt cannot be recognised. */
  readonly nonce: string | null;
  /** From a scanner's queue, which may send it again and again: then a forced repeat, too, is known by its nonce. */
  readonly isUpload?: boolean;
  readonly questionsSupported: boolean;
  readonly canceledSupported: boolean;
  /** The check-in questions of the ticket's item, in the order in which they are asked. */
  readonly questions: readonly CheckinQuestion[];
  /** The valid answers that came with the attempt (contract §2.3). */
  readonly given: readonly Answered[];
  /** The items that this scanner may admit; null: all (droid keys, contract §3.3). */
  readonly restrictedTo: ReadonlySet<number> | null;
  /**
   * Whether the list's rules let a ticket in that has passed this list as given; absent: the list has no rules.
   * A function, because a decision is taken again when another gate was faster.
   */
  readonly permitted?: (history: Admissions) => boolean;
  /** The scanning app, if its key names one. */
  readonly app?: string;
};

export type Reason =
  'canceled' | 'blocked' | 'unapproved' | 'invalid_time' | 'product' | 'unpaid' | 'rules' | 'already_redeemed';

export type Redeemed =
  | { readonly outcome: 'ok'; readonly first: boolean }
  | { readonly outcome: 'incomplete'; readonly missing: readonly CheckinQuestion[] }
  | { readonly outcome: 'error'; readonly reason: Reason };

type Check = {
  readonly reason: (scan: Scan) => Reason;
  /** Whether `force` overrides the refusal. */
  readonly forcible: boolean;
  /** Whether only entries are refused so: who leaves is not asked. */
  readonly entriesOnly?: true;
  refuses(list: ListFacts, ticket: TicketFacts, scan: Scan): boolean;
};

/** The refusals that depend on facts alone, in their order (contract §2.5 and §10, and the decisions at its head). */
const CHECKS: readonly Check[] = [
  {
    reason: () => 'product',
    forcible: false,
    refuses: (_list, ticket, scan) => scan.restrictedTo !== null && !scan.restrictedTo.has(ticket.item),
  },
  {
    reason: (scan) => (scan.canceledSupported ? 'canceled' : 'unpaid'),
    forcible: false,
    refuses: (_list, ticket) => ticket.canceled || ticket.status === 'e' || ticket.status === 'c',
  },
  {
    reason: () => 'blocked',
    forcible: true,
    refuses: (_list, ticket) => ticket.blocked === true,
  },
  {
    reason: () => 'unapproved',
    forcible: true,
    refuses: (_list, ticket) => ticket.unapproved === true && (ticket.status === 'n' || ticket.status === 'v'),
  },
  {
    reason: () => 'invalid_time',
    forcible: true,
    entriesOnly: true,
    refuses: (_list, { validFrom }, { datetime }) => validFrom !== undefined && earlier(datetime, validFrom),
  },
  {
    reason: () => 'invalid_time',
    forcible: true,
    entriesOnly: true,
    refuses: (_list, { validUntil }, { datetime }) => validUntil !== undefined && earlier(validUntil, datetime),
  },
  {
    reason: () => 'product',
    forcible: false,
    refuses: (list, ticket) => !admits(list, ticket.item),
  },
  {
    reason: () => 'unpaid',
    forcible: true,
    refuses: (list, ticket, scan) => ticket.status === 'n' && !(scan.ignoreUnpaid && list.include_pending),
  },
];

/** Whether an item is on the list. */
export const admits = (list: Pick<ListFacts, 'all_products' | 'limit_products'>, item: number): boolean =>
  list.all_products || list.limit_products.includes(item);

/**
 * Whether a ticket may enter or leave by a list now (contract §2.5, §10). A repeat with the same nonce gets ok again, but
 * admits only once. A refusal has no events: the calling service records it.
 */
export const redeem =
  (list: ListFacts, ticket: TicketFacts, scan: Scan) =>
  (history: Admissions): Decision<Redeemed, PositionRedeemed | PositionExited | AnswersGiven> => {
    const isExit = scan.kind === 'exit';
    let forced = false;
    for (const check of CHECKS) {
      if ((isExit && check.entriesOnly) || !check.refuses(list, ticket, scan)) continue;
      if (!(check.forcible && scan.force)) return refusal({ outcome: 'error', reason: check.reason(scan) });
      forced = true;
    }
    const entered = history.checkins[list.id];
    const isRepeat = isKnown(list, scan, history);
    // Not of a repeat: its own entry counts among those that the rules limit.
    if (!isExit && !isRepeat && scan.permitted?.(history) === false) {
      if (!scan.force) return refusal({ outcome: 'error', reason: 'rules' });
      forced = true;
    }

    const missing = scan.questionsSupported && !isExit ? missingQuestions(ticket, scan, history) : [];
    if (missing.length > 0) {
      if (!scan.force) return refusal({ outcome: 'incomplete', missing });
      forced = true;
    }

    if (isRepeat) return { result: { outcome: 'ok', first: false }, events: [] };

    const about = {
      organizer: list.organizer,
      event: list.event,
      list: list.id,
      position: ticket.position,
      item: ticket.item,
      variation: ticket.variation,
      date: ticket.date,
    };
    const how = {
      auto: false,
      datetime: scan.datetime,
      nonce: scan.nonce,
      nonce_present: scan.nonce !== null,
      ...(scan.app === undefined ? {} : { app: scan.app }),
    };
    if (isExit) {
      const exited: PositionExited = { type: 'PositionExited', data: { ...about, forced, ...how } };
      return { result: { outcome: 'ok', first: true }, events: [exited] };
    }

    const { first, leftAt } = lets(list, scan, history);
    if (!first && !scan.force) return refusal({ outcome: 'error', reason: 'already_redeemed' });
    const redeemed: PositionRedeemed = {
      type: 'PositionRedeemed',
      data: {
        ...about,
        first,
        ...(first && entered ? { again: true } : {}),
        forced: forced || !first,
        ...how,
      },
    };
    const answers = answersToKeep(ticket, scan, history);
    const events: (PositionExited | PositionRedeemed | AnswersGiven)[] = [redeemed];
    if (leftAt !== undefined) events.unshift(exitedWithAll(about, leftAt));
    if (answers.length > 0) {
      events.push({ type: 'AnswersGiven', data: { ...about, questions: answers.map((a) => a.question), answers } });
    }
    return { result: { outcome: 'ok', first }, events };
  };

/** Whether this very attempt was recorded before, by its nonce. */
function isKnown({ id }: ListFacts, { kind, nonce, isUpload = false }: Scan, history: Admissions): boolean {
  if (!nonce) return false;
  const passages = history.passages[id];
  if (kind === 'exit') return passages?.exitNonces.includes(nonce) === true;
  const isEntry = history.checkins[id]?.nonces.includes(nonce) === true;
  return isEntry || (isUpload && passages?.repeatNonces.includes(nonce) === true);
}

/**
 * Whether the list lets a ticket with this history in: once, again after an exit, or as often as it comes (contract §10).
 * `leftAt`: it may, because everybody counts as having left then, which is not recorded of this ticket yet.
 */
function lets(
  list: ListFacts,
  { datetime, force }: Scan,
  history: Admissions,
): { readonly first: boolean; readonly leftAt?: Instant } {
  if (list.allow_multiple_entries === true) return { first: true };
  const passages = passagesAt(history, list.id);
  const how = { afterExit: list.allow_entry_after_exit ?? true, late: force };
  if (mayEnter(passages, datetime, how)) return { first: true };
  const leftAt = list.exit_all_at ?? undefined;
  if (leftAt === undefined || earlier(datetime, leftAt) || !wasInsideAt(passages, leftAt)) return { first: false };
  const first = mayEnter(withPassage(passages, { kind: 'exit', datetime: leftAt }), datetime, how);
  return first ? { first, leftAt } : { first };
}

const refusal = (result: Redeemed): Decision<Redeemed, never> => ({ result, events: [] });

/** Check-in questions without an answer, optional ones included (contract §2.5, step 2). */
function missingQuestions(ticket: TicketFacts, scan: Scan, history: Admissions): CheckinQuestion[] {
  if (scan.questions.length === 0) return [];
  const given = new Set(scan.given.map((answer) => answer.question));
  return scan.questions.filter((question) => !given.has(question.id) && !hasAnswer(ticket, history, question.id));
}

/** Whether a question has an answer; one given at a gate takes precedence over the buyer's (design §3). */
function hasAnswer(ticket: TicketFacts, history: Admissions, question: number): boolean {
  const atGate = history.answers[question];
  return atGate ? atGate.answer !== null : ticket.answered.has(question);
}

/** The given answers that are stored (contract §2.4): not a falsy value without an earlier answer. */
function answersToKeep(ticket: TicketFacts, scan: Scan, history: Admissions): AnswersGiven['data']['answers'] {
  return scan.given
    .filter((answer) => !answer.falsy || hasAnswer(ticket, history, answer.question))
    .map((answer) => ({ question: answer.question, answer: answer.text, options: [...answer.options] }));
}

/** The fields by which events identify list and ticket. */
type About = Omit<RedemptionUndone['data'], 'reason' | 'scan' | 'nonce'>;

/** Takes a check-in back. A repeat does nothing. */
export const undo =
  (about: About, reason: string) =>
  (history: Admissions): Decision<{ undone: boolean }, RedemptionUndone> =>
    history.checkins[about.list]
      ? { result: { undone: true }, events: [{ type: 'RedemptionUndone', data: { ...about, reason } }] }
      : { result: { undone: false }, events: [] };

/** One row of an imported position's `checkins`. */
export type ImportedRow = CheckinImported['data'];

/** Records imported rows as history, each of them once (import.md §3). */
export const importCheckins =
  (rows: readonly ImportedRow[]) =>
  (history: Admissions): Decision<{ imported: number }, CheckinImported> => {
    const known = new Set(history.imported);
    const fresh = rows.filter((row) => !known.has(row.row) && known.add(row.row));
    return {
      result: { imported: fresh.length },
      events: fresh.map((data) => ({ type: 'CheckinImported' as const, data })),
    };
  };

/**
 * Checks a ticket in automatically with its order, unless it has entered already (contract §2.6). An order that is stated
 * again after the check-in was taken back does not check in again.
 */
export const autoCheckin =
  (about: About, datetime: Instant) =>
  (history: Admissions): Decision<{ admitted: boolean }, PositionRedeemed> =>
    history.checkins[about.list] || history.autoAdmitted.includes(about.list)
      ? { result: { admitted: false }, events: [] }
      : {
          result: { admitted: true },
          events: [
            {
              type: 'PositionRedeemed',
              data: { ...about, first: true, forced: false, auto: true, datetime, nonce: null, nonce_present: false },
            },
          ],
        };
