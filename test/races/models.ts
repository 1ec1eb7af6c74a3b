import { READ_MODELS } from '@gatehouse/admission/admission';
import { openFeeds, type Feeds } from '@gatehouse/admission/feeds';
import { listen } from '@gatehouse/eventing/postgres';
import { verifyReadModel, type Difference } from '@gatehouse/eventing/read-model';

/** Does something with the feeds of a running system, as a command beside it would. */
export async function withFeeds<T>(databaseUrl: string, work: (feeds: Feeds) => Promise<T>): Promise<T> {
  const listener = listen(databaseUrl);
  const feeds = await openFeeds(databaseUrl, listener, 4);
  try {
    return await work(feeds);
  } finally {
    await feeds.close();
    await listener.close();
  }
}

/** What of the read models does not follow from history. */
export const differences = (databaseUrl: string): Promise<Difference[]> =>
  withFeeds(databaseUrl, async (feeds) => {
    const all: Difference[] = [];
    for (const model of READ_MODELS) all.push(...(await verifyReadModel(model, feeds, () => undefined)));
    return all;
  });
