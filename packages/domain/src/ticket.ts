import type { TicketEvent } from '@gatehouse/events/admission';
import type { Decider } from './decider';
import { earlier, type Instant } from './instant';

/** The check-in of a ticket on one list. The APIs show one row for it, the earliest entry (import.md §3). */
export type CheckIn = {
  readonly datetime: Instant;
  readonly auto: boolean;
  /** Nonces of the accepted scans: a repeat of any of them is answered ok again. */
  readonly nonces: readonly string[];
};

/** An answer given at a gate; `answer` null means that it was taken back. */
export type GateAnswer = { readonly answer: string | null; readonly options: readonly number[] };

/** A ticket's folded admission history: plain JSON, which a read model stores beside the stream's revision. */
export type Admissions = {
  /** By list id. */
  readonly checkins: Readonly<Record<string, CheckIn>>;
  /** By question id. */
  readonly answers: Readonly<Record<string, GateAnswer>>;
  /** Names of the imported rows that are recorded already. */
  readonly imported: readonly string[];
  /** Lists that have checked the ticket in with its order: they do so only once, even if that was taken back since. */
  readonly autoAdmitted: readonly number[];
};

export const ticket: Decider<Admissions, TicketEvent> = {
  initial: { checkins: {}, answers: {}, imported: [], autoAdmitted: [] },
  evolve(state, event) {
    switch (event.type) {
      case 'PositionRedeemed':
        // A forced repeat is recorded, but it is no check-in: time and nonce of the first one are kept (contract §2.5, row
        // 9).
        if (!event.data.first) return state;
        return withEntry(event.data.auto ? withAutoAdmission(state, event.data.list) : state, event.data);
      case 'CheckinImported': {
        const known = { ...state, imported: [...state.imported, event.data.row] };
        return event.data.kind === 'entry' ? withEntry(known, event.data) : known;
      }
      case 'AnswersGiven': {
        const answers = { ...state.answers };
        for (const { question, answer, options } of event.data.answers) answers[question] = { answer, options };
        return { ...state, answers };
      }
      case 'RedemptionUndone': {
        const { [event.data.list]: _undone, ...checkins } = state.checkins;
        return { ...state, checkins };
      }
    }
  },
};

const withAutoAdmission = (state: Admissions, list: number): Admissions => ({
  ...state,
  autoAdmitted: [...state.autoAdmitted, list],
});

function withEntry(
  state: Admissions,
  entry: { list: number; datetime: Instant; auto: boolean; nonce: string | null },
): Admissions {
  const before = state.checkins[entry.list];
  const nonces = [...(before?.nonces ?? []), ...(entry.nonce ? [entry.nonce] : [])];
  const row =
    before && !earlier(entry.datetime, before.datetime)
      ? { ...before, nonces }
      : { datetime: entry.datetime, auto: entry.auto, nonces };
  return { ...state, checkins: { ...state.checkins, [entry.list]: row } };
}
