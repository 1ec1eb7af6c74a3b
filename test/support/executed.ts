import { Client } from 'pg';

/** A statement with the plan that PostgreSQL really used. */
export type Executed = {
  readonly text: string;
  /** Pages read, from memory or disk. */
  readonly buffers: number;
  /** Rows returned or written, which is the least possible work. */
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
  readonly 'Rows Removed by Filter'?: number;
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
  // Includes statements inside of functions such as append_events.
  'auto_explain.log_nested_statements': 'on',
  // Clients receive warnings.
  'auto_explain.log_level': 'warning',
};

/**
 * Calls back for every statement that this process's connections execute from now on, with the plan that was really used,
 * through PostgreSQL's auto_explain. Call it before the connections are opened; needs a superuser. Call the returned
 * function to stop.
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

/** Rows written to tables: those below each node that writes. */
function written(plan: Plan): number {
  const below = plan.Plans ?? [];
  const own = plan['Node Type'] === 'ModifyTable' ? below.reduce((sum, each) => sum + rowsOf(each), 0) : 0;
  return own + below.reduce((sum, each) => sum + written(each), 0);
}

/** Rows of the parameters: the keys that were looked up. */
function asked(plan: Plan): number {
  const own = plan['Node Type'] === 'Function Scan' ? rowsOf(plan) : 0;
  return own + (plan.Plans ?? []).reduce((sum, each) => sum + asked(each), 0);
}
