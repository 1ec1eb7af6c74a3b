import { setMaxListeners } from 'node:events';
import type { Ends } from '@gatehouse/eventing/event-bus';
import type { Context } from '@gatehouse/events/contexts';
import { lagsOf } from '@gatehouse/eventing/lag';
import type { Log } from '@gatehouse/eventing/log-bus';
import { waker } from '@gatehouse/eventing/postgres';
import { freshness } from '@gatehouse/eventing/projection';
import { AlreadyAtWork, installReadModel, rebuildReadModel, type ReadModel } from '@gatehouse/eventing/read-model';
import { runRelay } from '@gatehouse/eventing/relay';
import { feedStates } from '@gatehouse/service/feed-states';
import { described } from '@gatehouse/service/log';
import type { ContextModule, OpenContext, Platform } from '@gatehouse/service/run';
import {
  ADMISSION,
  FOLLOWED,
  FOLLOWERS,
  installReadModels,
  openAdmission,
  READ_MODELS,
  runProjections,
  type Admission,
} from './admission';
import { openFeeds } from './feeds';
import { knownEvents, restCredentials } from './rest-credentials';

const CONNECTIONS = 12;
/** Consumers hold a connection each; they must not take those of requests. */
const CONSUMER_CONNECTIONS = 16;
const PING_MS = 1_000;
const LOOK_MS = 200;
/** A first catch-up that stands still for so long is not waited for. */
const STANDSTILL_MS = 10_000;
/** Nothing tells a process that another one's rebuild has ended or failed. */
const UPGRADE_RETRY_MS = 500;
/** A network that swallows packets answers no ping, and says nothing of it. */
const PING_PATIENCE_MS = 5_000;

/** Admission as a process hosts it: schema, read models, projections, health. */
export const admissionContext: ContextModule<Admission> = { name: ADMISSION, open };

async function open({ config, backends, log }: Platform): Promise<OpenContext<Admission>> {
  const { onHealth, troubles } = feedStates(log);
  const feeds = await openFeeds(backends, { connections: CONSUMER_CONNECTIONS, onHealth });
  const { own, pool: consumers } = feeds;
  const outdated = await installReadModels(feeds);
  const admission = await openAdmission(backends, { connections: CONNECTIONS, bus: feeds.bus.bus });

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
    const each = await Promise.all(FOLLOWERS.map((group) => feeds.bus.bus.left(group, ends)));
    return each.reduce((sum, left) => sum + left, 0);
  }

  let reachable = true;
  let pinging = false;
  async function pingStore(): Promise<void> {
    if (pinging) return;
    pinging = true;
    try {
      await consumers.query({ text: 'select 1', query_timeout: PING_PATIENCE_MS });
      if (config.eventStore.kind !== 'postgres') await own.head();
      reachable = true;
    } catch {
      reachable = false;
    }
    pinging = false;
  }
  const ping = setInterval(() => void pingStore(), PING_MS);
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
      clearInterval(ping);
      await admission.store.idle();
      stop.abort();
      await Promise.all([Promise.allSettled(running), catchingUp, upgrading]);
      await admission.close();
      await feeds.close();
    },
  };
}
