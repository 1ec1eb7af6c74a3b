import { codeOf, eventName, PoisonEvent } from '@gatehouse/eventing/poison';
import { waker } from '@gatehouse/eventing/postgres';
import {
  AlreadyAtWork,
  installReadModel,
  rebuildReadModel,
  type ReadModel,
  type ReadModelContext,
} from '@gatehouse/eventing/read-model';
import { described, type Log } from './log';

/** Creates the read models that a schema has never had. Answers those that it has in another version. */
export async function installReadModels(models: readonly ReadModel[], context: ReadModelContext): Promise<ReadModel[]> {
  const outdated: ReadModel[] = [];
  for (const model of models) if (!(await installReadModel(model, context))) outdated.push(model);
  return outdated;
}

/** The read models that a process brings to its release's version. */
export type Upgrades = {
  /** Resolves when a read model is there in this release's version, or when everything is aborted. */
  of(readModel: string): Promise<void>;
  /** Resolves when all are. */
  readonly all: Promise<void>;
  /** Which are not yet, in words for /readyz. */
  missing(): string[];
};

/** Nothing tells a process that another one's rebuild has ended or failed. */
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 60_000;

/**
 * Builds read models in this release's version beside the old ones, one after the other, or waits for the process that does. A
 * rebuild that fails is tried again with growing pauses, until `signal`.
 */
export function upgradeReadModels(
  outdated: readonly ReadModel[],
  { log, signal, ...context }: ReadModelContext & { log: Log; signal: AbortSignal },
): Upgrades {
  let missing = outdated.map((model) => model.name);
  /** At which event the rebuild that is at work ends, in words for /readyz. */
  let poisoned = '';

  async function upgrade(model: ReadModel): Promise<void> {
    const pause = waker();
    let failures = 0;
    log.info(
      { context: context.schema, readModel: model.name },
      'a new version of a read model is built beside the old one',
    );
    while (!signal.aborted) {
      try {
        if (!(await installReadModel(model, context)))
          await rebuildReadModel(model, { ...context, signal }, () => undefined);
        missing = missing.filter((name) => name !== model.name);
        poisoned = '';
        return;
      } catch (error) {
        if (!(error instanceof AlreadyAtWork) && !signal.aborted) {
          failures++;
          poisoned =
            error instanceof PoisonEvent
              ? `, which ends at ${eventName(error.event)}, position ${error.position}: ${codeOf(error.cause)}`
              : '';
          log.error(
            { ...described(error), context: context.schema, readModel: model.name },
            'a read model could not be rebuilt and is tried again',
          );
        }
        await pause.next(signal, Math.min(RETRY_MS * 2 ** Math.max(0, failures - 1), LONGEST_RETRY_MS));
      }
    }
  }

  const upgrades = new Map<string, Promise<void>>();
  let all = Promise.resolve();
  for (const model of outdated) {
    all = all.then(() => upgrade(model));
    upgrades.set(model.name, all);
  }
  return {
    of: (readModel) => upgrades.get(readModel) ?? Promise.resolve(),
    all,
    missing: () =>
      missing.map((name, i) => `the read model ${context.schema}.${name} is being rebuilt${i === 0 ? poisoned : ''}`),
  };
}
