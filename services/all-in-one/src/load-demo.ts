import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { reference } from '@gatehouse/events/reference';
import type { ContextStore } from '@gatehouse/eventing/event-store';
import { opening } from '@gatehouse/eventing/opening';
import { openReference } from '@gatehouse/reference/context';
import { isEnded, listTokens } from '@gatehouse/reference/credentials';
import { importFolder, ImportRunning } from '@gatehouse/reference/import';
import { secretHash } from '@gatehouse/reference/raw';
import { openBackends } from '@gatehouse/service/backends';
import type { Config } from '@gatehouse/service/config';
import { described, type Log } from '@gatehouse/service/log';
import { demoFestival, holdsDemo, type Demo } from './demo-festival';

const FOLDER = 'demo';
/** Pause before checking again whether another process has finished its import. */
const LOOK_MS = 200;

/**
 * Imports the demo festival into an empty installation, or finishes a killed import of it; later starts only return it.
 * Undefined when there is no demo. Errors are logged and do not end the process.
 */
export async function loadDemo(
  { config, log }: { config: Config; log: Log },
  databaseUrl?: string,
): Promise<Demo | undefined> {
  try {
    return await opening((opened) => load({ config, log }, databaseUrl, opened));
  } catch (error) {
    log.warn(described(error), 'the demo festival could not be imported; GATEHOUSE_DEMO=off does without it');
    return undefined;
  }
}

async function load(
  { config, log }: { config: Config; log: Log },
  databaseUrl: string | undefined,
  opened: (close: () => unknown) => void,
): Promise<Demo | undefined> {
  const folder = path.join(config.dataFolder, FOLDER);
  const backends = openBackends(config, databaseUrl);
  opened(() => backends.close());
  const { store, pool } = await openReference(backends);
  opened(() => pool.end());
  for (let wanted = await isWanted(store); wanted; wanted = await isWanted(store)) {
    await demoFestival(folder);
    try {
      const report = await importFolder({ store, pool, folder });
      log.info({ events: report.events, positions: report.positions }, 'the demo festival was imported');
    } catch (error) {
      // The import of another process that started at the same time, which may be killed, too.
      if (!(error instanceof ImportRunning)) throw error;
      await sleep(LOOK_MS);
    }
  }
  const known = (await store.load('event-demo/summer-nights')).length > 0;
  const demo = known && holdsDemo(folder) ? await demoFestival(folder) : undefined;
  const named = demo && (await isKnown(store, demo)) ? demo : undefined;
  if (known && !named) log.info('the demo festival has other credentials than those of this data folder');
  await pool.end();
  await backends.close();
  return named;
}

/** Whether the history is empty, or its only import is an unfinished one of the demo. */
async function isWanted(store: ContextStore): Promise<boolean> {
  if ((await store.head()) === store.start) return true;
  const [first, ...more] = await store.load('imports');
  if (first?.type !== 'ImportStarted' || more.length > 0) return false;
  const event = reference.read(first)!;
  return event.type === 'ImportStarted' && path.basename(event.data.folder) === FOLDER;
}

/** False if the festival came from another data folder into the same database, or if its token has been revoked. */
async function isKnown(store: ContextStore, { token }: Demo): Promise<boolean> {
  const hash = secretHash(token);
  return (await listTokens(store)).some(({ fact }) => fact.token_hash === hash && !isEnded(fact));
}

/** How long to wait at most. */
const KNOWN_MS = 10_000;

/**
 * Waits, for some seconds at most, until the services have the ticket and the product of the printed commands, which they get a moment
 * after the import.
 */
export async function untilApplied(url: string, { organizer, event, list, secret, boat, token }: Demo): Promise<void> {
  const at = `${url}/api/v1/organizers/${organizer}/events/${event}`;
  const asked = [
    `${at}/checkinlists/${list}/positions/${secret}/`,
    ...(boat ? [`${at}/quotas/${boat.quota}/availability/`] : []),
  ];
  const isKnown = async (target: string) => {
    const reply = await fetch(target, { headers: { Authorization: `Token ${token}` } }).catch(() => undefined);
    return reply?.ok === true;
  };
  for (const end = Date.now() + KNOWN_MS; Date.now() < end; await sleep(50)) {
    if ((await Promise.all(asked.map(isKnown))).every(Boolean)) return;
  }
}
