import { Client } from 'pg';

/** A statement as PostgreSQL really executed it, whichever plan its connection had kept for it. */
export type Executed = {
  readonly text: string;
  /** Pages that it looked at, in memory or not. */
  readonly buffers: number;
  /** Rows that it answered or wrote: work that cannot be saved. */
  readonly rows: number;
  readonly plan: Plan;
};

export type Plan = {
  readonly 'Node Type': string;
  readonly Operation?: string;
  readonly 'Relation Name'?: string;
  readonly 'Index Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Shared Hit Blocks'?: number;
  readonly 'Shared Read Blocks'?: number;
  readonly Plans?: readonly Plan[];
};

const SETTINGS = {
  session_preload_libraries: 'auto_explain',
  'auto_explain.log_min_duration': '0',
  'auto_explain.log_analyze': 'on',
  'auto_explain.log_timing': 'off',
  'auto_explain.log_buffers': 'on',
  'auto_explain.log_format': 'json',
  // What functions such as append_events run is a statement, too.
  'auto_explain.log_nested_statements': 'on',
  // Our connections hear warnings.
  'auto_explain.log_level': 'warning',
};

/**
 * Hears of every statement that this process's connections execute from now on, with the plan that was really used, by
 * PostgreSQL's auto_explain. Before the connections are made; needs a superuser. Until the answer is called.
 */
export function observeExecuted(hear: (executed: Executed) => void): () => void {
  const prototype = Client.prototype as unknown as {
    connect(this: Client, ...args: unknown[]): unknown;
  };
  const { connect } = prototype;
  const options = Object.entries(SETTINGS)
    .map(([name, value]) => `-c ${name}=${value}`)
    .join(' ');
  prototype.connect = function (...args) {
    const { connectionParameters } = this as unknown as { connectionParameters: { options?: string } };
    connectionParameters.options = `${connectionParameters.options ?? ''} ${options}`;
    this.on('notice', ({ message }) => {
      const [, json] = /^duration: .*?plan:\n(\{.*\})$/s.exec(message ?? '') ?? [];
      if (json !== undefined) hear(executedOf(JSON.parse(json) as { 'Query Text': string; Plan: Plan }));
    });
    return connect.apply(this, args);
  };
  return () => void (prototype.connect = connect);
}

const executedOf = ({ 'Query Text': text, Plan: plan }: { 'Query Text': string; Plan: Plan }): Executed => ({
  text: text.replace(/\s+/g, ' ').trim(),
  buffers: (plan['Shared Hit Blocks'] ?? 0) + (plan['Shared Read Blocks'] ?? 0),
  rows: rowsOf(plan) + written(plan) + asked(plan),
  plan,
});

const rowsOf = (plan: Plan): number => plan['Actual Rows'] * plan['Actual Loops'];

/** Rows that went into tables: those below each node that writes. */
function written(plan: Plan): number {
  const below = plan.Plans ?? [];
  const own = plan['Node Type'] === 'ModifyTable' ? below.reduce((sum, each) => sum + rowsOf(each), 0) : 0;
  return own + below.reduce((sum, each) => sum + written(each), 0);
}

/** Rows that came in with the parameters: the keys of what was asked for. */
function asked(plan: Plan): number {
  const own = plan['Node Type'] === 'Function Scan' ? rowsOf(plan) : 0;
  return own + (plan.Plans ?? []).reduce((sum, each) => sum + asked(each), 0);
}
