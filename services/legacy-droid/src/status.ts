import type { Admission } from '@gatehouse/admission/admission';
import { readTallies, sum, ticketsOn, type TicketTally } from '@gatehouse/admission/tickets/counts';
import { statusesOf } from '@gatehouse/admission/tickets/query';
import { itemName, variationName } from '@gatehouse/shop/product-names';
import { parseInstant, truncateToMillis } from '@gatehouse/domain/instant';
import { localize } from '@gatehouse/domain/localize';
import type { Reply } from '@gatehouse/service/reply';
import type { DroidAccess } from './access';
import { spaced } from './text';

/** GET status/: contract §3.6. */
export async function status(
  admission: Admission,
  access: DroidAccess,
  at: { language: string; baseUrl: string },
): Promise<Reply> {
  const { festival, date } = access;
  await admission.caughtUp(['tickets']);
  // The numbers are those of the request's date, which for a list without a date is in the path.
  const list = { ...access.list, fields: { ...access.list.fields, subevent: date } };
  const tallies = await readTallies(admission.pool, festival.key, [list]);
  const tickets = ticketsOn(list, tallies);
  // Unlike the total, this includes rows of canceled tickets and of products that are not on the list.
  const statuses = statusesOf(list.fields);
  const checkins = tallies.checkins.filter((tally) => tally.date === date && statuses.includes(tally.status));
  const counts = (of: (tally: TicketTally) => boolean) => ({
    checkins: sum(checkins.filter(of)),
    total: sum(tickets.filter(of)),
  });
  const items = [...festival.items.values()].sort((a, b) => a.id - b.id);
  const body = {
    version: 3,
    event: eventObject(admission, access, at),
    ...counts(() => true),
    items: items.map((item) => ({
      id: item.id,
      name: itemName(festival, item.id, at.language),
      admission: item.admission,
      ...counts((tally) => tally.item === item.id),
      variations: [...item.variations]
        .sort((a, b) => a.position - b.position || a.id - b.id)
        .map((variation) => ({
          id: variation.id,
          name: variationName(festival, { item: item.id, variation: variation.id }, at.language),
          ...counts((tally) => tally.item === item.id && tally.variation === variation.id),
        })),
    })),
  };
  return { status: 200, raw: spaced(body) };
}

function eventObject(
  { catalog }: Admission,
  { festival, list, date }: DroidAccess,
  at: { language: string; baseUrl: string },
) {
  const { fact } = festival;
  const shown = (date === null ? undefined : festival.dates.get(date)) ?? fact;
  const name = localize(shown.name, at.language, fact.locale);
  return {
    name,
    list: list.fields.name,
    slug: fact.event,
    organizer: { name: catalog.organizer(fact.organizer)?.name ?? fact.organizer, slug: fact.organizer },
    // Outside of a series it is the event's name, as it has always been in this API.
    subevent: date ?? name,
    date_from: timeText(shown.date_from),
    date_to: timeText(shown.date_to),
    timezone: fact.timezone,
    url: fact.public_url ?? `${at.baseUrl}/${fact.organizer}/${fact.event}/`,
  };
}

/** Truncated to milliseconds, which is the precision of this API (contract §3.1). */
function timeText(stated: string | null): string | null {
  const instant = stated === null ? undefined : parseInstant(stated);
  return instant ? truncateToMillis(instant) : null;
}
