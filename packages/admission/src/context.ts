import { lagsOf } from '@gatehouse/eventing/lag';
import { logBus } from '@gatehouse/eventing/log-bus';
import { waker } from '@gatehouse/eventing/postgres';
import type { FeedHealth } from '@gatehouse/eventing/projection';
import { AlreadyAtWork, installReadModel, rebuildReadModel, type ReadModel } from '@gatehouse/eventing/read-model';
import { described } from '@gatehouse/service/log';
import type { ContextModule, OpenContext, Platform } from '@gatehouse/service/run';
import { ADMISSION, installReadModels, openAdmission, READ_MODELS, runProjections, type Admission } from './admission';
import { openFeeds } from './feeds';
import { HISTORY_GROUP } from './history';
import { knownEvents, restCredentials } from './rest-credentials';

const CONNECTIONS = 12;
/** Consumers hold a connection each; they must not take those of requests. */
const CONSUMER_CONNECTIONS = 16;
const PING_MS = 1_000;
/** Nothing tells a process that another one's rebuild has ended or failed. */
const UPGRADE_RETRY_MS = 500;
/** A network that swallows packets answers no ping, and says nothing of it. */
const PING_PATIENCE_MS = 5_000;

/** Admission as a process hosts it: schema, read models, projections, health. */
export const admissionContext: ContextModule<Admission> = { name: ADMISSION, open };

async function open({ databaseUrl: url, listener, log }: Platform): Promise<OpenContext<Admission>> {
  const feeds = await openFeeds(url, listener, CONSUMER_CONNECTIONS);
  const { own, reference, pool: consumers } = feeds;
  const outdated = await installReadModels(feeds);
  const admission = await openAdmission({ url, listener, connections: CONNECTIONS });

  const stop = new AbortController();
  const states = new Map<string, FeedHealth>();
  const onHealth = (health: FeedHealth) => {
    const key = `${health.name} from ${health.topic}`;
    if (health.state === 'failing' && states.get(key)?.state !== 'failing') {
      log.error(
        { consumer: health.name, topic: health.topic, reason: health.error },
        'a consumer failed and is tried again',
      );
    }
    states.set(key, health);
  };
  const context = { pool: consumers, schema: ADMISSION, signal: stop.signal, onHealth };
  const running = runProjections(
    admission,
    {
      own: feeds.feeds.get(ADMISSION)!,
      bus: logBus({ feeds: feeds.feeds, pool: consumers, schema: ADMISSION, onHealth }),
    },
    context,
  );

  let building = outdated.map((model) => model.name);
  const upgrading = (async () => {
    for (const model of outdated) {
      await upgrade(model);
      building = building.filter((name) => name !== model.name);
    }
  })();
  /** Builds a read model in this release's version, or waits for the process that does. */
  async function upgrade(model: ReadModel): Promise<void> {
    const pause = waker();
    log.info({ readModel: model.name }, 'a new version of a read model is built beside the old one');
    while (!stop.signal.aborted) {
      try {
        if (await installReadModel(model, feeds)) return;
        await rebuildReadModel(model, feeds, () => undefined);
        return;
      } catch (error) {
        if (!(error instanceof AlreadyAtWork)) {
          log.error(
            { ...described(error), readModel: model.name },
            'a read model could not be rebuilt and is tried again',
          );
        }
        await pause.next(stop.signal, UPGRADE_RETRY_MS);
      }
    }
  }

  let caughtUp = false;
  const catchingUp = firstCatchUp().catch(() => undefined);
  async function firstCatchUp(): Promise<void> {
    const heads = { reference: await reference.head(), admission: await own.head() };
    const waiting = waker();
    const names = [...READ_MODELS.map((model) => model.name), HISTORY_GROUP];
    const forget = names.map((name) => listener.on(`${ADMISSION}.${name}`, waiting.wake));
    while (!stop.signal.aborted && !caughtUp) {
      const { rows } = await consumers
        .query<{ behind: boolean }>(
          `select coalesce(bool_or(position::bigint < case topic when 'reference' then $1::bigint else $2::bigint end), true)
             or count(*) < $3 as behind
           from checkpoints where name = any($4::text[])`,
          [heads.reference, heads.admission, CONSUMERS, names],
        )
        .catch(() => ({ rows: [{ behind: true }] }));
      caughtUp = !rows[0]!.behind;
      if (!caughtUp) await waiting.next(stop.signal, 200);
    }
    for (const each of forget) each();
  }

  let reachable = true;
  const ping = setInterval(() => {
    void consumers.query({ text: 'select 1', query_timeout: PING_PATIENCE_MS }).then(
      () => (reachable = true),
      () => (reachable = false),
    );
  }, PING_MS);
  ping.unref();

  return {
    value: admission,
    credentials: restCredentials(admission),
    events: knownEvents(admission),
    health: () => ({
      blocking: [
        ...(reachable ? [] : ['the event store cannot be reached']),
        ...(caughtUp ? [] : ['read models are catching up for the first time']),
        ...building.map((name) => `the read model ${name} is being rebuilt`),
      ],
      troubles: [...states.values()]
        .filter((health) => health.state === 'failing')
        .map((health) => `the consumer ${health.name} of ${health.topic} fails and is tried again`),
    }),
    lags: () => lagsOf({ pool: consumers, schema: ADMISSION, feeds: feeds.feeds }),
    async close() {
      clearInterval(ping);
      stop.abort();
      await Promise.all([running.catch(() => undefined), catchingUp, upgrading]);
      await admission.close();
      await feeds.close();
    },
  };
}

/** How many checkpoints there are when every consumer has begun. */
const CONSUMERS = READ_MODELS.reduce((count, model) => count + Object.keys(model.handles).length, 1);
