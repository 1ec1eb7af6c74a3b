import { randomUUID } from 'node:crypto';
import type { EventStoreDBClient } from '@eventstore/db-client';
import { aStream, anEvent, eventStoreContract } from './contract';
import { esdbInTest, type EsdbInTest } from './esdb-in-test';
import { esdbClient, esdbStore } from './esdb-store';

let server: EsdbInTest;
beforeAll(async () => {
  server = await esdbInTest(process.env['EVENTSTORE_URL']);
  process.stdout.write(`EventStoreDB of the tests: ${server.kind}\n`);
}, 120_000);
afterAll(() => server.stop());

eventStoreContract('EventStoreDB', async () => {
  const clients: EventStoreDBClient[] = [];
  // A history of its own, beside those of other tests on the same server.
  const context = `test_${randomUUID()}`;
  const open = (of = context) => {
    const client = esdbClient(server.url);
    clients.push(client);
    return esdbStore({ client, context: of, waiting: 500 });
  };
  const others = open('elsewhere');
  return {
    store: open(),
    another: () => Promise.resolve(open()),
    async foreign() {
      server.foreign?.();
      await Promise.all(Array.from({ length: 50 }, () => others.append(aStream(), 0, [anEvent()])));
    },
    bounded: 1_000,
    large: 50,
    async close() {
      for (const client of clients) await client.dispose();
    },
  };
});
