import type { Admission } from '@gatehouse/admission/admission';
import {
  checkinRowsOn,
  insideOf,
  readTallies,
  sum,
  ticketsOn,
  type Tallies,
  type TicketTally,
} from '@gatehouse/admission/tickets/counts';
import type { ListRow } from '@gatehouse/admission/lists';
import { itemName, variationName } from '@gatehouse/shop/product-names';
import type { Principal } from '@gatehouse/service/auth';
import { showsNewer } from './list-fields';
import { admits } from '@gatehouse/domain/redeem';
import { localize } from '@gatehouse/domain/localize';
import { route, type Route } from '@gatehouse/service/http';
import { chooseLanguage } from '@gatehouse/service/language';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { listOf } from './ticket-request';

/** Numbers of a list by product: contract §4.4. */
export function statusRoute(admission: Admission): Route {
  return route(`${EVENT_PATH}checkinlists/:list/status/`, {
    name: 'checkinlist-status',
    access: { safe: 'can_view_orders', unsafe: 'can_change_event_settings' },
    async GET(request) {
      const festival = festivalOf(request, admission);
      await admission.caughtUp(['lists', 'tickets']);
      const list = await listOf(request, admission, festival);
      const { fields } = list;
      const tallies = await readTallies(admission.pool, festival.key, [list]);
      const tickets = ticketsOn(list, tallies);
      const checkins = checkinRowsOn(list, tallies);
      const language = chooseLanguage(request.header('accept-language'), festival.fact.locales, festival.fact.locale);
      const text = (i18n: Readonly<Record<string, string>>) => localize(i18n, language, festival.fact.locale);
      const counts = (of: (tally: TicketTally) => boolean) => ({
        checkin_count: sum(checkins.filter(of)),
        position_count: sum(tickets.filter(of)),
      });
      const place = (category: number | null) =>
        category === null ? Infinity : (festival.categories.get(category)?.position ?? Infinity);
      const items = [...festival.items.values()]
        .filter((item) => admits(fields, item.id))
        // Items without a category come last, as on PostgreSQL. (Infinity - Infinity is no number.)
        .sort((a, b) => {
          const [first, second] = [place(a.category), place(b.category)];
          return (first === second ? 0 : first - second) || a.position - b.position || a.id - b.id;
        });
      const date = fields.subevent === null ? undefined : festival.dates.get(fields.subevent);
      return {
        status: 200,
        body: {
          event: { name: text(date?.name ?? festival.fact.name) },
          checkin_count: sum(checkins),
          position_count: sum(tickets),
          ...(countsInside(list, tallies, request.principal) ? { inside_count: insideOf(list, tallies) } : {}),
          items: items.map((item) => ({
            id: item.id,
            name: itemName(festival, item.id, language),
            admission: item.admission,
            ...counts((tally) => tally.item === item.id),
            variations: [...item.variations]
              .sort((a, b) => a.position - b.position || a.id - b.id)
              .map((variation) => ({
                id: variation.id,
                value: variationName(festival, { item: item.id, variation: variation.id }, language),
                ...counts((tally) => tally.variation === variation.id),
              })),
          })),
        },
      };
    },
  });
}

/**
 * Whether the reply has `inside_count` (contract §10, 3.12): for a list that is shown with newer fields, or that somebody has
 * left. Everybody else sees what they always saw.
 */
const countsInside = (list: ListRow, { checkins }: Tallies, reader: Principal): boolean =>
  showsNewer(list.fields, reader) || checkins.some(({ outside }) => outside > 0);
