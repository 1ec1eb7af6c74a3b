import { inventoryEvents, type InventoryEvent } from '@gatehouse/events/inventory';
import { inventory as decider, type Inventory } from '@gatehouse/domain/inventory';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { streams, type Streams } from '@gatehouse/eventing/streams';
import type { Pool } from 'pg';
import { storedInventory } from './carts/state';

export type InventoryStreams = Streams<Inventory, InventoryEvent>;

/** Events whose states a process keeps in memory. */
const REMEMBERED = 1_000;

/** The deciders of what events have promised, over the context's store; `pool` is of its schema. */
export const inventoryStreams = (store: EventStore, pool: Pool): InventoryStreams =>
  streams(store, decider, {
    catalog: inventoryEvents,
    remember: REMEMBERED,
    open: (stream) => storedInventory(pool, stream),
  });
