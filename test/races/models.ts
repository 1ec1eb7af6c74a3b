import { admissionContext, READ_MODELS } from '@gatehouse/admission/context';
import { verifyReadModel, type Difference } from '@gatehouse/eventing/read-model';
import { openBackends } from '@gatehouse/service/backends';
import { readConfig } from '@gatehouse/service/config';
import { openFeeds, type Feeds } from '@gatehouse/service/feeds';

/** Runs `work` with the feeds of a running system, as a command would. */
export async function withFeeds<T>(databaseUrl: string, work: (feeds: Feeds) => Promise<T>): Promise<T> {
  const backends = openBackends(readConfig({}), databaseUrl);
  const feeds = await openFeeds(admissionContext, backends, { connections: 4 });
  try {
    return await work(feeds);
  } finally {
    await feeds.close();
    await backends.close();
  }
}

/** The differences of the read models from a replay of history. */
export const differences = (databaseUrl: string): Promise<Difference[]> =>
  withFeeds(databaseUrl, async (feeds) => {
    const all: Difference[] = [];
    for (const model of READ_MODELS) all.push(...(await verifyReadModel(model, feeds, () => undefined)));
    return all;
  });
