import type { TicketEvent } from '@gatehouse/events/admission';
import type { Decider } from './decider';
import { earlier, type Instant } from './instant';
import { isInside, withPassage, type Passage } from './passages';

/** The check-in of a ticket on one list. The APIs show one row for it, the earliest entry (import.md §3). */
export type CheckIn = {
  readonly datetime: Instant;
  readonly auto: boolean;
  /** Nonces of the accepted scans: a repeat of any of them is answered ok again. */
  readonly nonces: readonly string[];
};

/** An answer given at a gate; `answer` null means that it was taken back. */
export type GateAnswer = { readonly answer: string | null; readonly options: readonly number[] };

/** The passages of a ticket at one list, and the nonces of its exits and of its forced repeats there. */
export type Passages = {
  readonly times: readonly Passage[];
  readonly exitNonces: readonly string[];
  readonly repeatNonces: readonly string[];
};

/** A ticket's folded admission history: plain JSON, which a read model stores beside the stream's revision. */
export type Admissions = {
  /** By list id. */
  readonly checkins: Readonly<Record<string, CheckIn>>;
  /** By list id, of the lists by which the ticket has left, entered again or been forced: of most tickets there are none. */
  readonly passages: Readonly<Record<string, Passages>>;
  /** By question id. */
  readonly answers: Readonly<Record<string, GateAnswer>>;
  /** Names of the imported rows that are recorded already. */
  readonly imported: readonly string[];
  /** Lists that have checked the ticket in with its order: they do so only once, even if that was taken back since. */
  readonly autoAdmitted: readonly number[];
};

export const ticket: Decider<Admissions, TicketEvent> = {
  initial: { checkins: {}, passages: {}, answers: {}, imported: [], autoAdmitted: [] },
  evolve(state, event) {
    switch (event.type) {
      case 'PositionRedeemed':
        // A forced repeat is recorded, but it is no check-in: time and nonce of the first one are kept (contract §2.5, row
        // 9).
        if (!event.data.first) return passing(state, event.data, 'repeat');
        return withEntry(event.data.auto ? withAutoAdmission(state, event.data.list) : state, event.data);
      case 'PositionExited':
        return passing(state, event.data, 'exit');
      case 'CheckinImported': {
        const known = { ...state, imported: [...state.imported, event.data.row] };
        return event.data.kind === 'entry' ? withEntry(known, event.data) : passing(known, event.data, 'exit');
      }
      case 'AnswersGiven': {
        const answers = { ...state.answers };
        for (const { question, answer, options } of event.data.answers) answers[question] = { answer, options };
        return { ...state, answers };
      }
      case 'RedemptionUndone': {
        const { [event.data.list]: _undone, ...checkins } = state.checkins;
        const { [event.data.list]: _passed, ...passages } = state.passages;
        return { ...state, checkins, passages };
      }
    }
  },
};

const withAutoAdmission = (state: Admissions, list: number): Admissions => ({
  ...state,
  autoAdmitted: [...state.autoAdmitted, list],
});

type Passed = { readonly list: number; readonly datetime: Instant; readonly nonce: string | null };

function withEntry(state: Admissions, entry: Passed & { readonly auto: boolean }): Admissions {
  const before = state.checkins[entry.list];
  const nonces = [...(before?.nonces ?? []), ...(entry.nonce ? [entry.nonce] : [])];
  const row =
    before && !earlier(entry.datetime, before.datetime)
      ? { ...before, nonces }
      : { datetime: entry.datetime, auto: entry.auto, nonces };
  const isOnly = !before && !state.passages[entry.list];
  const passed = isOnly ? state : passing(state, entry, 'entry');
  return { ...passed, checkins: { ...state.checkins, [entry.list]: row } };
}

/** The state with one more passage, which is kept from the second one on: the first entry is the check-in. */
function passing(state: Admissions, { list, datetime, nonce }: Passed, kind: Passage['kind']): Admissions {
  const { exitNonces, repeatNonces } = state.passages[list] ?? { exitNonces: [], repeatNonces: [] };
  const passages: Passages = {
    times: withPassage(passagesAt(state, list), { kind, datetime }),
    exitNonces: kind === 'exit' && nonce ? [...exitNonces, nonce] : exitNonces,
    repeatNonces: kind === 'repeat' && nonce ? [...repeatNonces, nonce] : repeatNonces,
  };
  return { ...state, passages: { ...state.passages, [list]: passages } };
}

/** All passages of a ticket at a list, in order of time. */
export function passagesAt({ checkins, passages }: Admissions, list: number): readonly Passage[] {
  const entry = checkins[list];
  return passages[list]?.times ?? (entry ? [{ kind: 'entry', datetime: entry.datetime }] : []);
}

/** Whether a ticket has entered by a list and has not left by it since. */
export const isInsideOf = (state: Admissions, list: number): boolean =>
  list in state.checkins && isInside(passagesAt(state, list));
