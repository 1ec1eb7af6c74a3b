import { randomUUID } from 'node:crypto';
import { instantOf } from '@gatehouse/domain/instant';
import { inventory, inventoryStream, type InventoryEvent } from '@gatehouse/events/inventory';
import { withStore } from './database';

/** Far above the ids that the service assigns during the bench. */
const FIRST_ID = 2_000_000_000;
const APPEND = 500;
/** Reservations that are open at any time. */
const LIVE = 100;

/**
 * Appends this many events to the festival's stream, as if it had reserved places for some hours until now: nearly every reservation was
 * released or has expired, about a hundred are open.
 */
export async function writeHistory(databaseUrl: string, events: number): Promise<void> {
  const startedAt = Date.now() - (events / 2) * APART_MS;
  await withStore(databaseUrl, 'inventory', async (store) => {
    const stream = inventoryStream('big', 'fest');
    for (let from = 0; from < events; from += APPEND) {
      const batch = Array.from({ length: Math.min(APPEND, events - from) }, (_, i) => ({
        id: randomUUID(),
        ...inventory.write(eventAt(from + i, startedAt)),
        actor: 'bench',
        trace: null,
      }));
      await store.append(stream, from, batch);
    }
  });
}

/** Time between two reservations. */
const APART_MS = 100;
const RELEASED_AFTER_MS = 4_000;
const SHORT_MS = 5_000;
const LONG_MS = 30 * 60_000;

/** Event number `n`: the first hundred are reservations, after them each second one ends the oldest reservation. */
function eventAt(n: number, startedAt: number): InventoryEvent {
  const isEnd = n >= LIVE && (n - LIVE) % 2 === 0;
  const cart = cartOf(isEnd ? (n - LIVE) / 2 : n < LIVE ? n : (n + LIVE - 1) / 2, startedAt);
  if (!isEnd) return reserved(cart);
  return isShort(cart.number) ? expired(cart) : released(cart);
}

/** One reservation in five expires, the others are released. */
const isShort = (number: number): boolean => number % 5 === 0;

/** The reservation of this number. */
type Cart = ReturnType<typeof cartOf>;

function cartOf(number: number, startedAt: number) {
  const at = startedAt + number * APART_MS;
  return {
    number,
    at,
    data: {
      organizer: 'big',
      event: 'fest',
      id: FIRST_ID + number,
      cart_id: `${String(number).padStart(48, 'x')}@api`,
      item: 1,
      variation: null,
      date: null,
      voucher: null,
      seat: null,
      expires: instantOf(at + (isShort(number) ? SHORT_MS : LONG_MS)),
    },
  };
}

const reserved = ({ number, at, data }: Cart): InventoryEvent => ({
  type: 'CartReserved',
  data: {
    ...data,
    price: '149.00',
    includes_tax: true,
    datetime: instantOf(at),
    quotas: [{ quota: 1, left: null }],
    covered_until: null,
    facts_revision: 0,
    request: null,
    attendee_name_parts: { _scheme: 'given_family', given_name: 'Øystein', family_name: `Sample ${number}` },
    attendee_email: `guest${number}@example.org`,
    answers: [],
  },
});

const released = ({ at, data }: Cart): InventoryEvent => ({
  type: 'CartReleased',
  data: {
    ...data,
    imported: false,
    datetime: instantOf(at + RELEASED_AFTER_MS),
  },
});

const expired = ({ data }: Cart): InventoryEvent => ({ type: 'CartExpired', data });
