import { earlier, instantOf, parseInstant } from '@gatehouse/domain/instant';
import { shownAnswers, type AnsweredQuestion } from '@gatehouse/shop/answers';
import { pdfData } from '@gatehouse/shop/pdf-data';
import type { Festival } from '@gatehouse/shop/festival';
import type { OrganizerFact, OrderFact, PositionFact } from '@gatehouse/events/reference';
import type { FoundOrder, ShopCheckin, ShopOrder, ShopPosition } from '@gatehouse/sync/orders/find';
import type { GateCheckin, GateCheckins } from '@gatehouse/sync/orders/check-ins';

/** What an order is shown with. */
export type OrderView = {
  readonly deletedLists: ReadonlySet<number>;
  readonly withCanceled: boolean;
  /** Of the event, by id. */
  questionOf(id: number): AnsweredQuestion | undefined;
  /** Present: positions have the texts that badges and tickets print. */
  readonly printed?: { readonly festival: Festival; readonly organizer: OrganizerFact | undefined };
};

/**
 * The order as the shop sent it, with what Gatehouse knows better: the check-ins of its tickets, answers given at gates, and
 * when it changed last.
 * Canceled positions are left out unless they are asked for.
 */
export function orderResource({ order, gate }: FoundOrder, view: OrderView): Record<string, unknown> {
  const positions = order.positions.filter(({ canceled }) => view.withCanceled || !canceled);
  return {
    ...order,
    ...lastModified(order, gate),
    positions: positions.map((position) => ({
      ...position,
      checkins: checkins(position, gate.get(position.id), view.deletedLists),
      ...answers(position, gate.get(position.id), view),
      ...(view.printed ? { pdf_data: printed(order, position, view.printed) } : {}),
    })),
  };
}

/** The instant of the newest change, the shop's or one at a gate. */
function lastModified(order: ShopOrder, gate: FoundOrder['gate']): { last_modified?: unknown } {
  let newest = typeof order['last_modified'] === 'string' ? parseInstant(order['last_modified']) : undefined;
  let isOurs = false;
  for (const { time } of gate.values()) {
    if (newest !== undefined && !earlier(newest, time)) continue;
    newest = time;
    isOurs = true;
  }
  return isOurs ? { last_modified: newest } : {};
}

/** Present if the gates have any; else the shop's stay as they are. */
const answers = (
  { answers: stated }: ShopPosition,
  gate: GateCheckins | undefined,
  { questionOf }: OrderView,
): { answers?: readonly object[] } =>
  gate && Object.keys(gate.answers).length > 0 ? { answers: shownAnswers(stated ?? [], gate.answers, questionOf) } : {};

/** The newest first. Those of the shop count unless they were taken back here since, or their list is gone. */
function checkins(
  { checkins: shops }: ShopPosition,
  gate: GateCheckins | undefined,
  deletedLists: ReadonlySet<number>,
): readonly object[] {
  const isUndone = ({ list, datetime }: ShopCheckin): boolean => {
    const undone = gate?.undone[list];
    const at = parseInstant(datetime);
    return undone !== undefined && at !== undefined && earlier(at, undone);
  };
  const own = (gate?.rows ?? []).map(ownCheckin);
  const all = [...own, ...(shops ?? []).filter((row) => !isUndone(row))];
  return deletedLists.size === 0 ? all : all.filter(({ list }) => !deletedLists.has(list));
}

/** In the form of the shop. Which of its devices or gates it was the shop's own numbers do not tell. */
const ownCheckin = ({ id, list, type, datetime, auto, device }: GateCheckin) => ({
  id,
  datetime,
  list,
  auto_checked_in: auto,
  gate: null,
  device: null,
  device_id: device,
  type,
});

function printed(
  order: ShopOrder,
  position: ShopPosition,
  at: NonNullable<OrderView['printed']>,
): Record<string, string> {
  // Their shape was checked when they were imported.
  const shown = order as unknown as Pick<OrderFact, 'code' | 'locale' | 'invoice_address'>;
  const of = position as unknown as PositionFact;
  const siblings = order.positions as unknown as readonly PositionFact[];
  const parent = siblings.find(({ id }) => id === of.addon_to);
  return pdfData(
    {
      date: of.subevent,
      item: of.item,
      variation: of.variation,
      facts: {
        secret: of.secret,
        positionid: of.positionid,
        price: of.price,
        printed: { name: of.attendee_name ?? parent?.attendee_name ?? null, parts: of.attendee_name_parts },
        seat: of.seat,
        addons: siblings
          .filter(({ addon_to: parentOf }) => parentOf === of.id)
          .toSorted((a, b) => a.positionid - b.positionid),
        order: { code: shown.code, locale: shown.locale, invoice: shown.invoice_address },
      },
    },
    { ...at, now: instantOf(Date.now()) },
  );
}
