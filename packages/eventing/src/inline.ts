import type { NewEvent } from '@gatehouse/events/envelope';
import type { States } from './event-store';
import { lockKey } from './postgres';

/** Events that are being appended to a stream. `states` is missing where they come from no decider. */
export type Appended = {
  readonly stream: string;
  /** Number of events that the stream had before. */
  readonly expected: number;
  readonly events: readonly NewEvent[];
  readonly states?: States;
  /** When they are recorded, in ISO 8601 and UTC. */
  readonly time: string;
};

/**
 * How appends fill a read model in their own transaction, where the store is PostgreSQL: nobody then reads the events again, and
 * the read model is never behind. What an append leaves out (it must not wait for anything) is applied by the read model's
 * projection, so both must write the same. `filtered`: appends only move it past events of other types than its `only`; those that
 * it wants are rare, and its projection applies them.
 */
export type InlineProjection = 'filtered' | Filling;

/** @see InlineProjection */
type Filling = {
  /**
   * A function in the context's schema, `(changes json, refused integer[])`, that applies an array of changes but for those of
   * refused appends (`append` in each change). A numbered SQL file creates it; its name ends in a number that is raised whenever it
   * or what it writes changes, since processes of two releases may be at work.
   */
  readonly call: string;
  /**
   * The changes that follow from an append, each the text of a JSON object. Called before it is known whether the store accepts the
   * append. Undefined: they do not follow from it alone, so the projection has to apply these events.
   */
  changesOf(append: Appended): readonly string[] | undefined;
};

/** The parts of a `ReadModel` that an append needs. */
export type InlineModel = {
  readonly name: string;
  readonly version: number;
  readonly only?: readonly string[];
  readonly inline?: InlineProjection;
};

/** Key of the lock of a read model (`lockReadModel`), per schema. */
export const readModelLock = (name: string): string => lockKey('read-model-lock', name);

/** The changes of an append to each of some read models: none when it has nothing for it, undefined when only the projection knows. */
export type Changes = readonly (readonly string[] | undefined)[];

/** What an append changes in each of `models`. */
export const changesOf = (models: readonly InlineModel[], append: Appended): Changes =>
  models.map(({ inline, only }) => {
    if (only && !append.events.some(({ type }) => only.includes(type))) return [];
    return inline === 'filtered' ? undefined : inline?.changesOf(append);
  });

/**
 * The values of `append_events` for a batch of appends (sql/008-inline.sql): the read models as JSON, and for each that has an
 * `InlineProjection` its changes as a JSON array.
 */
export function inlineValues(models: readonly InlineModel[], batch: readonly Changes[]): string[] {
  const filled = models.filter(isFilled);
  const documents = filled.map(() => '');
  const rows = models.map((model, m) => {
    const { name, version } = model;
    if (batch.some((changes) => changes[m] === undefined)) return `{"name":"${name}"}`;
    const changed = batch.flatMap((changes, i) => changes[m]!.map((change) => `{"append":${i + 1},${change.slice(1)}`));
    const facts = `"name":"${name}","version":${version}`;
    if (changed.length === 0 || !isFilled(model)) return `{${facts}}`;
    const nth = filled.indexOf(model);
    documents[nth] = `[${changed.join()}]`;
    return `{${facts},"lock":"${readModelLock(name)}","call":"${model.inline.call}","nth":${nth + 1}}`;
  });
  return [`[${rows.join()}]`, ...documents.map((document) => document || 'null')];
}

/** The part of an SQL text that passes `inlineValues` as `models` and `changes`, the first of them as parameter number `from`. */
export function inlineParameters(models: readonly InlineModel[], from: number): string {
  const changes = models.filter(isFilled).map((_, i) => `$${from + 1 + i}::json`);
  return `$${from}, array[${changes.join()}]::json[]`;
}

const isFilled = (model: InlineModel): model is InlineModel & { readonly inline: Filling } =>
  typeof model.inline === 'object';
