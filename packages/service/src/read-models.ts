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

/** Installs the read models that a schema has never had. Returns those that it has in another version. */
export async function installReadModels(models: readonly ReadModel[], context: ReadModelContext): Promise<ReadModel[]> {
  const outdated: ReadModel[] = [];
  for (const model of models) if (!(await installReadModel(model, context))) outdated.push(model);
  return outdated;
}

/** The read models that a process upgrades to its release's version. */
export type Upgrades = {
  /** Resolves when a read model is in this release's version, or when aborted. */
  of(readModel: string): Promise<void>;
  /** Resolves when all of them are. */
  readonly all: Promise<void>;
  /** Sentences for /readyz about those that are not. */
  missing(): string[];
};

/** A process is not notified when another one's rebuild ends or fails, so it polls. */
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 60_000;

/**
 * Rebuilds read models in this release's version beside the old ones, one after another, or waits for the process that
 * does. A failed rebuild is tried again with growing pauses, until `signal` aborts.
 */
export function upgradeReadModels(
  outdated: readonly ReadModel[],
  { log, signal, ...context }: ReadModelContext & { log: Log; signal: AbortSignal },
): Upgrades {
  let missing = outdated.map((model) => model.name);
  /** The poison event at which the current rebuild ended, as text for /readyz. */
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
