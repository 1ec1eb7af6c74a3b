import { eventStoreContract } from './contract';
import { memoryStore } from './memory-store';

eventStoreContract('in memory', () => Promise.resolve({ store: memoryStore(), close: () => Promise.resolve() }));
