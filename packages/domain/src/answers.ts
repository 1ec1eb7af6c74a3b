/** A question that may be asked at the gate (contract §2.3). */
export type CheckinQuestion = {
  readonly id: number;
  readonly type: string;
  readonly required: boolean;
  readonly position: number;
  /** In the order position, id; `text` in the language of the request. */
  readonly options: readonly { readonly id: number; readonly identifier: string; readonly text: string }[];
};

/** An answer that could be read. `text` null is "no answer", accepted as given. */
export type Answered = {
  readonly question: number;
  readonly text: string | null;
  readonly options: readonly number[];
  /** No answer, boolean false, number zero, no option: stored only over an earlier answer (contract §2.4). */
  readonly falsy: boolean;
};
