import type { EventStoreDBClient } from '@eventstore/db-client';
import { esdbEmulator } from '../emulator/esdb-emulator';
import { eventStoreContract } from './contract';
import { esdbClient, esdbStore } from './esdb-store';

eventStoreContract('EventStoreDB (emulator)', async () => {
  const emulator = await esdbEmulator();
  const clients: EventStoreDBClient[] = [];
  const open = () => {
    const client = esdbClient(emulator.url);
    clients.push(client);
    return esdbStore({ client, context: 'admission', waiting: 500 });
  };
  return {
    store: open(),
    another: () => Promise.resolve(open()),
    foreign: () => Promise.resolve(emulator.foreign(100)),
    bounded: 1_000,
    async close() {
      for (const client of clients) await client.dispose();
      await emulator.stop();
    },
  };
});
