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
        const { scan, nonce, list } = event.data;
        if (scan) return withoutScan(state, list, { ...scan, nonce });
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

/** One scan of a ticket, by what the state keeps of it. */
export type PassedScan = {
  readonly kind: Passage['kind'];
  readonly datetime: Instant;
  readonly nonce: string | undefined;
};

/** The state without one scan at a list: its other entries and exits stand. Of entries only a forced repeat left: that is the entry. */
function withoutScan(state: Admissions, list: number, { kind, datetime, nonce }: PassedScan): Admissions {
  const { [list]: before, ...checkins } = state.checkins;
  const { [list]: known, ...passages } = state.passages;
  const rest = passagesWithout(passagesAt(state, list), { kind, datetime });
  const entry = rest.find((each) => each.kind === 'entry') ?? rest.find((each) => each.kind === 'repeat');
  const others = (nonces: readonly string[] = []) => nonces.filter((each) => each !== nonce);
  const kept: Passages = {
    times: rest.map((each) => (each === entry ? { ...each, kind: 'entry' } : each)),
    exitNonces: others(known?.exitNonces),
    repeatNonces: others(known?.repeatNonces),
  };
  const isOnly = kept.times.length === (entry ? 1 : 0) && kept.exitNonces.length + kept.repeatNonces.length === 0;
  return {
    ...state,
    passages: isOnly ? passages : { ...passages, [list]: kept },
    checkins: entry
      ? {
          ...checkins,
          [list]: {
            datetime: entry.datetime,
            auto: before?.auto === true && before.datetime === entry.datetime,
            nonces: others(before?.nonces),
          },
        }
      : checkins,
  };
}

/** The passages without one of this kind and time. */
export function passagesWithout(passages: readonly Passage[], { kind, datetime }: Passage): readonly Passage[] {
  const at = passages.findLastIndex((each) => each.kind === kind && each.datetime === datetime);
  return passages.filter((_, i) => i !== at);
}

/** All passages of a ticket at a list, in order of time. */
export function passagesAt({ checkins, passages }: Admissions, list: number): readonly Passage[] {
  const entry = checkins[list];
  return passages[list]?.times ?? (entry ? [{ kind: 'entry', datetime: entry.datetime }] : []);
}

/** Whether a ticket has entered by a list and has not left by it since. */
export const isInsideOf = (state: Admissions, list: number): boolean =>
  list in state.checkins && isInside(passagesAt(state, list));
