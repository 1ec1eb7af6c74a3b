import { eventStoreContract } from './contract';
import { historyInTest } from './history-in-test';

eventStoreContract('PostgreSQL', async () => {
  const history = await historyInTest();
  const { store } = history.open();
  return {
    store,
    another: () => Promise.resolve(history.open().store),
    bounded: 20_000,
    close: () => history.close(),
  };
});
