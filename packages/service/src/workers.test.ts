import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@gatehouse/eventing/history-in-test';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { openBackends } from './backends';
import { readConfig } from './config';
import { SERVES_NOTHING, type ContextDefinition } from './context';
import { hostContext, type HostedContext } from './host-context';
import { createLog } from './log';

let database: TestDatabase;
let ends: (() => Promise<void>)[] = [];
beforeEach(async () => (database = await testDatabase()));
afterEach(async () => {
  for (const end of ends) await end();
  ends = [];
  await database.drop();
});

/** Hosts a context with one worker in as many processes as are asked for. */
async function hosted(
  work: NonNullable<ContextDefinition<unknown>['workers']>[number]['work'],
  roles: readonly string[],
  everywhere = false,
) {
  const definition: ContextDefinition<unknown> = {
    name: 'inventory',
    readModels: [],
    workers: [{ name: 'watch', everywhere, work }],
    servingConnections: 0,
    open: () => Promise.resolve(SERVES_NOTHING),
  };
  const all: (HostedContext<unknown> & { end(): Promise<void> })[] = [];
  for (const role of roles) {
    const config = readConfig({ ROLES: role });
    const backends = openBackends(config, database.url);
    const host = await hostContext(definition, { config, log: createLog('silent'), backends });
    let ended: Promise<void> | undefined;
    const end = () => (ended ??= host.close().then(() => backends.close()));
    ends.push(end);
    all.push({ ...host, end });
  }
  return all;
}

test('a worker runs in one process at a time with the role projections, and another takes over', async () => {
  let [running, most, starts] = [0, 0, 0];
  const processes = await hosted(
    async (_value, { signal, onProgress }) => {
      starts++;
      most = Math.max(most, ++running);
      onProgress(true);
      while (!signal.aborted) await sleep(5);
      running--;
    },
    ['http', 'projections', 'projections'],
  );
  await until(() => running === 1);
  expect(processes.map((each) => each.health().troubles)).toEqual([[], [], []]);
  await processes[1]!.end();
  await until(() => running === 1);
  await processes[2]!.end();
  expect([running, most, starts]).toEqual([0, 1, 2]);
});

test('a worker that fails is named, and started again', async () => {
  let broken = true;
  const [process] = await hosted(
    async (_value, { signal, onProgress }) => {
      if (broken) throw new Error('it cannot');
      onProgress(true);
      while (!signal.aborted) await sleep(5);
    },
    ['projections'],
  );
  await until(() => process!.health().troubles.length > 0);
  // Requests are answered all the same.
  await until(() => process!.health().blocking.length === 0);
  expect(process!.health().troubles).toEqual(['the consumer inventory.watch of inventory fails and is tried again']);
  broken = false;
  await until(() => process!.health().troubles.length === 0);
});

test('a worker for everywhere runs in each process with the role projections, and is started again where it fails', async () => {
  let [running, starts] = [0, 0];
  const processes = await hosted(
    async (_value, { signal, onProgress }) => {
      if (++starts === 2) throw new Error('it cannot');
      onProgress(true);
      running++;
      while (!signal.aborted) await sleep(5);
      running--;
    },
    ['http', 'projections', 'projections'],
    true,
  );
  await until(() => running === 2);
  expect(processes.map((each) => each.health().troubles)).toEqual([[], [], []]);
  await processes[1]!.end();
  expect([running, starts]).toEqual([1, 3]);
});
