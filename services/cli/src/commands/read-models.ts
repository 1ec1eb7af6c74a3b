import { CONTEXT_NAMES, type Context } from '@gatehouse/events/contexts';
import { PoisonEvent } from '@gatehouse/eventing/poison';
import {
  AlreadyAtWork,
  rebuildReadModel,
  verifyReadModel,
  type Progress,
  type ReadModel,
} from '@gatehouse/eventing/read-model';
import { Argument, type Command } from 'commander';
import { counter } from '../counter';
import { Refused, type Run } from '../run-command';
import { DEFINITIONS } from '../session';

const MODELS = CONTEXT_NAMES.flatMap((context) => DEFINITIONS[context].readModels.map((model) => ({ context, model })));
/**
 * Several contexts may have a read model of the same name: it is built and verified in each, and `title` names the context.
 */
const ALL = MODELS.map(({ context, model }) => {
  const isShared = MODELS.filter((each) => each.model.name === model.name).length > 1;
  return { context, model, title: isShared ? `${model.name} of ${context}` : model.name };
});
const NAMES = [...new Set(MODELS.map(({ model }) => model.name))];

/** `rebuild` and `verify`: build read models from history and compare them with it. */
export function readModelCommands(program: Command, run: Run): void {
  program
    .command('rebuild')
    .description('build a read model anew from history, beside the live one, while the system runs')
    .addArgument(new Argument('<read model>', 'which').choices([...NAMES, 'all']))
    .action((name: string) =>
      run(async ({ feeds }) => {
        for (const { context, model, title } of ALL.filter((each) => name === 'all' || each.model.name === name)) {
          const shown = counter(`Rebuilding ${title}`, 'events');
          await orRefused({ context, model }, rebuildReadModel(model, feeds[context], counting(shown.set)));
          shown.done(`The read model ${title} was rebuilt and swapped in.`);
        }
      }),
    );

  program
    .command('verify')
    .description('check that every read model equals a replay of history; exit code 1 and the differences otherwise')
    .action(() =>
      run(async ({ feeds }) => {
        let wrong = 0;
        for (const { context, model, title } of ALL) {
          const shown = counter(`Verifying ${title}`, 'events');
          const differences = await orRefused(
            { context, model },
            verifyReadModel(model, feeds[context], counting(shown.set)),
          );
          wrong += differences.length;
          shown.done(
            differences.length === 0
              ? `The read model ${title} equals a replay of history.`
              : `The read model ${title} differs from a replay of history:`,
          );
          for (const difference of differences) process.stdout.write(`${JSON.stringify(difference)}\n`);
        }
        if (wrong > 0) process.exitCode = 1;
      }),
    );
}

/** Reports a poison event or an unavailable history as a sentence that says what to do. */
async function orRefused<T>(
  { context, model: { name } }: { context: Context; model: ReadModel },
  work: Promise<T>,
): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof AlreadyAtWork) throw new Refused(`${name}: ${error.message}.`);
    if (!(error instanceof PoisonEvent)) throw error;
    const skip = `npm run gatehouse -- consumer skip ${name} --context ${context} --event ${error.event?.id} --reason …`;
    throw new Refused(
      `${name}: ${error.message}. A release that understands this event mends it; \`${skip}\` passes over it for good.`,
    );
  }
}

/** Adds up the events of all topics. */
function counting(set: (events: number) => void): Progress {
  const byTopic = new Map<string, number>();
  return ({ topic, events }) => {
    byTopic.set(topic, events);
    set([...byTopic.values()].reduce((sum, each) => sum + each, 0));
  };
}
