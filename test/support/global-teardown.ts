import { stopTestKafka } from './kafka';
import { dropRun } from './postgres';

/** Restores a server of the user's own: drops all databases of this run, including those of killed tests. */
export default async function globalTeardown(): Promise<void> {
  await stopTestKafka();
  await dropRun();
  await globalThis.gatehouseTestServer?.stop();
}
