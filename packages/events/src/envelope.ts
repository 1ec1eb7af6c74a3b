/** An event with the metadata of its recording. */
export type Envelope<E extends { type: string; data: unknown } = { type: string; data: unknown }> = E & {
  /** UUID, assigned before the first attempt to append: a repeat with the same id is the same event. */
  readonly id: string;
  readonly version: number;
  readonly stream: string;
  /** 0 for the first event of a stream; dense. */
  readonly revision: number;
  /** When it was recorded: canonical instant in UTC with up to six decimals. */
  readonly time: string;
  /** Who caused it, as `kind:id` (`token:3`, `device:12`, `droidkey:4`, `import:2`, `cli:undo`); never a secret. */
  readonly actor: string;
  /** The W3C `traceparent` of the request that caused it, or null. */
  readonly trace: string | null;
};

/** An envelope with its position in its store's commit order. */
export type Recorded<E extends { type: string; data: unknown } = { type: string; data: unknown }> = Envelope<E> & {
  readonly position: string;
};

/** An event to be appended. */
export type NewEvent = {
  readonly id: string;
  readonly type: string;
  readonly version: number;
  readonly data: unknown;
  readonly actor: string;
  readonly trace: string | null;
};
