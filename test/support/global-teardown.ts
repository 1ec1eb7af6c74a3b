import { stopTestKafka } from './kafka';
import { dropRun } from './postgres';

/** Leaves a server of the user's as it was: the databases of this run go, also those of tests that were killed. */
export default async function globalTeardown(): Promise<void> {
  await stopTestKafka();
  await dropRun();
  await globalThis.gatehouseTestServer?.stop();
}
