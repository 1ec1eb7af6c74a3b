import type { Finding } from './report';
import type { Stage } from './stage';

export type Part =
  | 'P1'
  | 'P2'
  | 'P3'
  | 'P4'
  | 'P5'
  | 'P6'
  | 'P7'
  | 'P8'
  | 'P9'
  | 'P10'
  | 'reads'
  | 'droid'
  | 'sync'
  | 'telemetry'
  | 'replicas';
export const PARTS: readonly Part[] = [
  'P1',
  'P2',
  'P3',
  'P4',
  'P5',
  'P6',
  'P7',
  'P8',
  'P9',
  'P10',
  'reads',
  'droid',
  'sync',
  'telemetry',
  'replicas',
];

/** The conditions of a run. */
export type Plan = {
  readonly parts: ReadonlySet<Part>;
  readonly rounds: number;
  /** Of one turn of one variant. */
  readonly turnMs: number;
  /** Numbers of tickets: the usual one, and the two whose costs are compared. */
  readonly tickets: number;
  readonly sizes: readonly number[];
};

/** A group of parts; returns the findings for those that were requested. */
export type Bench = (stage: Stage, plan: Plan) => Promise<Finding[]>;
