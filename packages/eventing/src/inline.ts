import type { NewEvent } from '@gatehouse/events/envelope';
import { arrayOf, type Element, type ElementType } from './array-values';
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

/** One change: the values of `columns`. */
export type Change = readonly Element[];

/** @see InlineProjection */
export type Filling = {
  /**
   * A function in the context's schema, `(refused integer[], appends integer[], …)`, that applies changes but for those of refused appends:
   * an array for each of `columns`, with an element for each change, and before them the number of its append. A numbered SQL file creates
   * it; its name ends in a number that is raised whenever it or what it writes changes, since processes of two releases may be at work.
   */
  readonly call: string;
  readonly columns: readonly ElementType[];
  /**
   * The changes that follow from an append. Called before it is known whether the store accepts the append. Undefined: they do not follow
   * from it alone, so the projection has to apply these events.
   */
  changesOf(append: Appended): readonly Change[] | undefined;
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
export type Changes = readonly (readonly Change[] | undefined)[];

/** What an append changes in each of `models`. */
export const changesOf = (models: readonly InlineModel[], append: Appended): Changes =>
  models.map(({ inline, only }) => {
    if (only && !append.events.some(({ type }) => only.includes(type))) return [];
    return inline === 'filtered' ? undefined : inline?.changesOf(append);
  });

/** About how many bytes changes have. */
export const sizeOf = (changes: Changes): number =>
  changes.reduce(
    (sum, rows) =>
      (rows ?? []).reduce(
        (total, row) =>
          row.reduce<number>((bytes, value) => bytes + (typeof value === 'string' ? value.length : 4), total),
        sum,
      ),
    0,
  );

/** What `append_events` is to do with a read model (sql/009-append-columns.sql). */
const LEAVE = 0;
const MOVE = 1;
const FILL = 2;

/** A statement that appends and fills `models`, and its values behind those of the events. */
export type InlineAppend = {
  readonly text: string;
  /** The values for a batch of appends. `undefined`: leave everything to the projections. */
  values(batch: readonly Changes[] | undefined): (string | Buffer)[];
};

/**
 * The call of `append_events` with its first `events` parameters, and the calls that fill read models in the same statement, after it: each
 * statement inside of them sees what it has done, and is only planned once.
 */
export function inlineAppend(models: readonly InlineModel[], events: number): InlineAppend {
  const filled = models.flatMap((model, m) => (isFilled(model) ? [{ ...model, m }] : []));
  let next = events + 1;
  const parameter = () => `$${next++}`;
  const own = Array.from({ length: events }, (_, i) => `$${i + 1}`);
  const constants = [
    `array[${models.map(({ name }) => `'${name}'`).join()}]::text[]`,
    `array[${models.map(({ version }) => version).join()}]::integer[]`,
    `array[${models.map((model) => (isFilled(model) ? readModelLock(model.name) : 'null')).join()}]::bigint[]`,
  ];
  const call = `append_events(${[...own, ...constants, parameter()].join(', ')})`;
  const fills = filled.map(({ name, inline }) => {
    const columns = [parameter(), ...inline.columns.map(parameter)];
    return `case when '${name}' = any(a.filled) then ${inline.call}(a.refused, ${columns.join(', ')}) end`;
  });
  return {
    text: `select ${['a.actuals', 'a.positions', ...fills].join(', ')} from ${call} a`,
    values(batch) {
      const steps = models.map((model, m) => {
        if (!batch || batch.some((changes) => changes[m] === undefined)) return LEAVE;
        return isFilled(model) && batch.some((changes) => changes[m]!.length > 0) ? FILL : MOVE;
      });
      const columns = filled.flatMap(({ inline, m }) => {
        const changes = steps[m] === FILL ? batch!.map((each) => each[m]!) : [];
        const appends = changes.flatMap((own, i) => own.map(() => i + 1));
        return [arrayOf('integer', appends, itself), ...columnsOf(inline.columns, changes.flat())];
      });
      return [arrayOf('integer', steps, itself), ...columns];
    },
  };
}

/** The statement by which a read model's projection applies changes: as appends do, so that both write the same. */
export function fillStatement({ call, columns }: Pick<Filling, 'call' | 'columns'>, changes: readonly Change[]) {
  const values = [arrayOf('integer', changes, () => 0), ...columnsOf(columns, changes)];
  return { name: call, text: `select ${call}('{}', ${values.map((_, i) => `$${i + 1}`).join()})`, values };
}

const columnsOf = (columns: readonly ElementType[], changes: readonly Change[]): (string | Buffer)[] =>
  columns.map((type, c) => arrayOf(type, changes, (change) => change[c]!));

const itself = (value: number): number => value;

const isFilled = (model: InlineModel): model is InlineModel & { readonly inline: Filling } =>
  typeof model.inline === 'object';
