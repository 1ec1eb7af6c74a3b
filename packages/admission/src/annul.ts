import { annul, isTooLate, type NamedScan } from '@gatehouse/domain/annul';
import type { Instant } from '@gatehouse/domain/instant';
import type { EventStore } from '@gatehouse/eventing/event-store';
import { LOAD_PAGE } from '@gatehouse/eventing/streams';
import { ticketEvents, ticketStream, type PositionExited, type PositionRedeemed } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Admission } from './admission';
import { ticketsNamed } from './nonces';
import type { Scanner } from './scan';

/** A scan that its scanner wants to take back; `datetime`: when, by its own clock. */
export type Annulment = {
  readonly lists: readonly number[];
  readonly nonce: string;
  readonly datetime: Instant;
  readonly reason: string;
};

/** `ambiguous`: several scans have this nonce. `foreign`: a device made it, and only that device may take it back. */
export type Annulled = 'annulled' | 'unknown' | 'ambiguous' | 'late' | 'foreign';

/**
 * Takes back the scan with this nonce by one of these lists, of the same device and within 15 minutes (contract §10,
 * 2024–2026). `annulled` again for a scan that was taken back before. Rejects as `Streams.transact` does.
 */
export async function annulScan(
  { pool, store, tickets, caughtUp }: Pick<Admission, 'pool' | 'store' | 'tickets' | 'caughtUp'>,
  ask: Annulment,
  by: Scanner & { readonly isDevice: boolean },
): Promise<Annulled> {
  let scans = await find();
  // It may have been recorded a moment ago.
  if (scans.length === 0 && (await caughtUp(['nonces']))) scans = await find();
  const [scan, ...others] = scans;
  if (!scan) return 'unknown';
  if (others.length > 0) return 'ambiguous';
  if (isTooLate(scan.named, ask.datetime)) return 'late';
  if (scan.actor !== by.actor && scan.actor.startsWith('device:')) return 'foreign';
  await tickets.transact(ticketStream(scan.about.position), annul(scan.about, scan.named, ask.reason), by);
  return 'annulled';

  async function find(): Promise<Found[]> {
    const named = await ticketsNamed(pool, ask.lists, ask.nonce);
    const found = await Promise.all(named.map((ticket) => scansIn(store, ticket, ask)));
    // As pretix, a device sees its own scans only.
    return found.flat().filter(({ actor }) => !by.isDevice || actor === by.actor);
  }
}

type Found = { readonly actor: string; readonly named: NamedScan; readonly about: About };
type About = Parameters<typeof annul>[0];

/** The newest scan of a ticket under this nonce at each of the lists; it may have been taken back already. */
async function scansIn(
  store: EventStore,
  ticket: number,
  { lists, nonce }: Pick<Annulment, 'lists' | 'nonce'>,
): Promise<Found[]> {
  const byList = new Map<number, Found>();
  for (let from = 0; ; from += LOAD_PAGE) {
    const page = await store.load(ticketStream(ticket), from, from + LOAD_PAGE);
    for (const stored of page) {
      const event = ticketEvents.read(stored);
      if (event?.type !== 'PositionRedeemed' && event?.type !== 'PositionExited') continue;
      if (event.data.nonce === nonce && lists.includes(event.data.list)) {
        byList.set(event.data.list, foundIn(event, stored, nonce));
      }
    }
    if (page.length < LOAD_PAGE) return [...byList.values()];
  }
}

function foundIn(event: PositionRedeemed | PositionExited, { actor }: Envelope, nonce: string): Found {
  const { organizer, event: slug, list, position, item, variation, date, datetime } = event.data;
  const kind = event.type === 'PositionExited' ? 'exit' : event.data.first ? 'entry' : 'repeat';
  return {
    actor,
    named: { kind, datetime, nonce },
    about: { organizer, event: slug, list, position, item, variation, date },
  };
}
