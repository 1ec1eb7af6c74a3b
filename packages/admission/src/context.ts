import { setMaxListeners } from 'node:events';
import type { Ends } from '@gatehouse/eventing/event-bus';
import type { Context } from '@gatehouse/events/contexts';
import { lagsOf } from '@gatehouse/eventing/lag';
import type { Log } from '@gatehouse/eventing/log-bus';
import { opening } from '@gatehouse/eventing/opening';
import { waker } from '@gatehouse/eventing/postgres';
import { freshness } from '@gatehouse/eventing/projection';
import { AlreadyAtWork, installReadModel, rebuildReadModel, type ReadModel } from '@gatehouse/eventing/read-model';
import { runRelay } from '@gatehouse/eventing/relay';
import { feedStates } from '@gatehouse/service/feed-states';
import { FOLLOWED_CONNECTIONS } from '@gatehouse/service/backends';
import { described } from '@gatehouse/service/log';
import type { ContextModule, OpenContext, Platform } from '@gatehouse/service/run';
import { watchStore } from '@gatehouse/service/store-health';
import {
  ADMISSION,
  FOLLOWED,
  FOLLOWERS,
  installReadModels,
  openAdmission,
  READ_MODELS,
  runProjections,
  SERVING_CONNECTIONS,
  type Admission,
} from './admission';
import { openFeeds } from './feeds';
import { knownEvents, restCredentials } from './rest-credentials';

/** For the feeds of a process that runs none: progress is looked at, and a read model may be built anew. */
const FEED_CONNECTIONS = 3;
/** Consumers and relay hold a connection each; they must not take those of requests. */
const OWNED_CONNECTIONS = 6;
/** The history that it follows in the same database, and the connection that listens. */
const OTHER_CONNECTIONS = FOLLOWED_CONNECTIONS + 1;
const PING_PATIENCE_MS = 5_000;
const LOOK_MS = 200;
/** A first catch-up that stands still for so long is not waited for. */
const STANDSTILL_MS = 10_000;
/** Nothing tells a process that another one's rebuild has ended or failed. */
const UPGRADE_RETRY_MS = 500;
/** Admission as a process hosts it: schema, read models, projections, health. */
export const admissionContext: ContextModule<Admission> = {
  name: ADMISSION,
  // What consumers hold is held in one process: the others stand by.
  connections: () => SERVING_CONNECTIONS + FEED_CONNECTIONS + OTHER_CONNECTIONS,
  open: (platform) => opening((opened) => open(platform, opened)),
};

async function open(
  { config, backends, log }: Platform,
  opened: (close: () => unknown) => void,
): Promise<OpenContext<Admission>> {
  const { onHealth, troubles } = feedStates(log);
  const owns = config.roles.has('projections') || config.roles.has('relay');
  const connections = FEED_CONNECTIONS + (owns ? OWNED_CONNECTIONS : 0);
  const feeds = await openFeeds(backends, { connections, onHealth });
  opened(() => feeds.close());
  const { own, pool: consumers } = feeds;
  const outdated = await installReadModels(feeds);
  const admission = await openAdmission(backends, { bus: feeds.bus.bus });
  opened(() => admission.close());
  const store = await watchStore(admission.serving, { log, name: 'the event store', also: askTheRest });
  async function askTheRest(): Promise<void> {
    await consumers.query({ text: 'select 1', query_timeout: PING_PATIENCE_MS });
    if (config.eventStore.kind !== 'postgres') await own.head();
  }

  const stop = new AbortController();
  const { signal } = stop;
  // Consumers, relay and waits hear of the stop, each for itself.
  setMaxListeners(50, signal);
  const ownFeed = feeds.feeds.get(ADMISSION)!;
  const running: Promise<void>[] = [];
  if (config.roles.has('projections')) {
    const context = { pool: consumers, schema: ADMISSION, signal, onHealth };
    running.push(runProjections(admission, { own: ownFeed, bus: feeds.bus.bus }, context));
  }
  if (config.roles.has('relay') && feeds.bus.isRelayed) {
    running.push(runRelay({ feed: ownFeed, bus: feeds.bus.bus, pool: consumers, signal, onHealth }));
  }

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

  // A relay alone reads no read model.
  let caughtUp = !config.roles.has('http') && !config.roles.has('projections');
  const catchingUp = firstCatchUp().catch(() => undefined);
  /** The own history must be applied. What others have said is waited for while it comes nearer: the gates go on with what they know. */
  async function firstCatchUp(): Promise<void> {
    const listener = backends.listenerOf(ADMISSION);
    const fresh = freshness({ pool: consumers, schema: ADMISSION, listener, store: own });
    const projections = READ_MODELS.filter(({ handles }) => handles.admission).map(({ name }) => name);
    const pause = waker();
    let ends: Ends | undefined;
    let least = Infinity;
    let since = Date.now();
    let ownIsApplied = false;
    let othersAre = false;
    while (!signal.aborted && !caughtUp) {
      try {
        ownIsApplied ||= await fresh.caughtUp(projections, LOOK_MS);
        ends ??= await feeds.bus.bus.ends(FOLLOWED);
        const left = await leftBefore(ends);
        if (left < least) since = Date.now();
        least = Math.min(least, left);
        othersAre ||= left === 0;
      } catch {
        // The database is away, which health says, or the bus cannot be asked.
      }
      if (!othersAre && Date.now() - since > STANDSTILL_MS) {
        log.warn('what other contexts have said is not all here: the gates begin with what they know');
        othersAre = true;
      }
      caughtUp = ownIsApplied && othersAre;
      if (!caughtUp) await pause.next(signal, LOOK_MS);
    }
  }
  async function leftBefore(ends: Ends): Promise<number> {
    let sum = 0;
    // In turn: whoever stands by must not open a connection for each.
    for (const group of FOLLOWERS) sum += await feeds.bus.bus.left(group, ends);
    return sum;
  }

  return {
    value: admission,
    credentials: restCredentials(admission),
    events: knownEvents(admission),
    health: () => ({
      blocking: [
        ...[store.trouble()].filter((trouble) => trouble !== null),
        ...(caughtUp ? [] : ['read models are catching up for the first time']),
        ...building.map((name) => `the read model ${name} is being rebuilt`),
      ],
      troubles: troubles(),
    }),
    async lags() {
      const { isRelayed } = feeds.bus;
      // On Kafka the consumers' checkpoints count in offsets.
      const counted = isRelayed ? new Map<Context, Log>([[ADMISSION, ownFeed]]) : feeds.feeds;
      return [
        ...(await lagsOf({ pool: consumers, schema: ADMISSION, feeds: counted, isRelayed })),
        ...feeds.bus.lags(),
      ];
    },
    async close() {
      store.close();
      await admission.store.idle();
      stop.abort();
      await Promise.all([Promise.allSettled(running), catchingUp, upgrading]);
      await admission.close();
      await feeds.close();
    },
  };
}
