/** Who asks for a reservation or gives one back, and the request that carries it. */
export type By = {
  /** As `kind:id`. */
  readonly actor: string;
  readonly trace: string | null;
  /** The namespace of its idempotency key: a UUID that is the same when it runs again. */
  readonly request?: string;
  /** Whether it may have run before; absent: it may. */
  readonly again?: boolean;
};
