import { importFolder } from '@gatehouse/reference/import';
import { referenceStoreAt } from '@gatehouse/reference/testing';
import { answerParent, optionsOf } from './child';
import { memoryOf } from './cpu';

export type Imported = { readonly elapsedMs: number; readonly peakMb: number };

/* One import in a process of its own, as the command line runs it. */

const { databaseUrl, folder } = optionsOf<{ databaseUrl: string; folder: string }>();

answerParent(async (): Promise<Imported> => {
  const { store, pool, close } = await referenceStoreAt(databaseUrl);
  const startedAt = performance.now();
  await importFolder({ store, pool, folder });
  const elapsedMs = performance.now() - startedAt;
  await close();
  return { elapsedMs, peakMb: memoryOf(process.pid).peakMb };
});
