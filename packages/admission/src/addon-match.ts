import { earlier, type Instant } from '@gatehouse/domain/instant';
import { admits } from '@gatehouse/domain/redeem';
import type { ListRow } from './lists';
import type { TicketFinder } from './tickets/find';
import type { Ticket } from './tickets/lookup';

/** A ticket that a scan may mean, and the list by which it would pass. */
export type Candidate = { readonly list: ListRow; readonly ticket: Ticket };

/** The ticket that a scan means; `isAmbiguous`: several, of which it is the first. */
export type Meant = Candidate & { readonly isAmbiguous: boolean };

/**
 * Which ticket a scan means (contract §10, 4.12): of those with the scanned code, one per list, and their add-ons where a list
 * has `addon_match`, the one that is on its list and valid at that time. Undefined: none has the code.
 */
export async function meantBy(
  scanned: readonly { readonly list: ListRow; readonly ticket: Ticket | null }[],
  finder: Pick<TicketFinder, 'addonsOf'>,
  datetime: Instant,
): Promise<Meant | undefined> {
  const holders = scanned.flatMap(({ list, ticket }) => (ticket ? [{ list, ticket }] : []));
  const addons = await Promise.all(holders.map((each) => addonsOn(each, finder)));
  const all = [...holders, ...addons.flat()];
  const [first, ...others] = all;
  if (!first || others.length === 0) return first && { ...first, isAmbiguous: false };
  let fitting = all.filter(({ list, ticket }) => admits(list.fields, ticket.item));
  if (fitting.length > 1) fitting = fitting.filter(({ ticket }) => isValidAt(ticket, datetime));
  // If none fits, the decision about the first one says why.
  return { ...(fitting.length === 1 ? fitting[0]! : first), isAmbiguous: fitting.length > 1 };
}

/** The add-ons of a ticket that its list is for. They are only looked for when there are any. */
async function addonsOn({ list, ticket }: Candidate, finder: Pick<TicketFinder, 'addonsOf'>): Promise<Candidate[]> {
  if (list.fields.addon_match !== true) return [];
  const isWanted = (addon: { readonly item: number }) => admits(list.fields, addon.item);
  if (!ticket.facts.addons.some((addon) => !addon.canceled && isWanted(addon))) return [];
  const addons = await finder.addonsOf(ticket);
  return addons
    .filter((addon) => isWanted(addon) && addon.date === ticket.date)
    .map((addon) => ({ list, ticket: addon }));
}

function isValidAt({ prepared: { validFrom: from, validUntil: until } }: Ticket, datetime: Instant): boolean {
  return !(from !== undefined && earlier(datetime, from)) && !(until !== undefined && earlier(until, datetime));
}
