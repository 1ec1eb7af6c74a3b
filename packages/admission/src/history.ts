import { checkinListEvents, listStream, ticketStream } from '@gatehouse/events/admission';
import { checkinListFields, type CheckinListFields } from '@gatehouse/events/checkin-list';
import { reference, type ListFact, type OrderFact } from '@gatehouse/events/reference';
import type { Envelope } from '@gatehouse/events/envelope';
import { sales, type BatchCreated } from '@gatehouse/events/sales';
import { checkinList, coversDate, stateList } from '@gatehouse/domain/checkin-list';
import { fold } from '@gatehouse/domain/decider';
import { instantOf, parseInstant, sortable } from '@gatehouse/domain/instant';
import { admits, autoCheckin, importCheckins, type ImportedRow } from '@gatehouse/domain/redeem';
import { ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import { StoreUnavailable } from '@gatehouse/eventing/event-store';
import type { Known } from '@gatehouse/eventing/streams';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import type { Admission } from './admission';
import { listsOf, type ListRow } from './lists';

/** Tickets whose histories are written in parallel. */
const AT_ONCE = 200;
/** Imported check-ins in one append: a wristband that was scanned at every door for a week has thousands. */
const ROWS_AT_ONCE = 500;

type Task = () => Promise<unknown>;

/**
 * Admission's subscriber to reference and sales: proposes stated lists to their deciders, records imported check-ins as
 * history, and checks in the tickets that a list admits automatically (import.md §3, contract §2.6). Every decision is
 * idempotent and its events' ids derive from the event that caused it, so an event may be delivered again.
 */
export function historySubscriber({
  pool,
  store,
  lists,
  tickets,
  caughtUp,
}: Pick<Admission, 'pool' | 'store' | 'lists' | 'tickets' | 'caughtUp'>): (
  batch: readonly Envelope[],
) => Promise<void> {
  async function takeList(fact: ListFact, source: Envelope): Promise<void> {
    await lists.transact(listStream(fact.id), stateList(checkinListFields(fact), fact), {
      actor: source.actor,
      trace: source.trace,
      request: source.id,
    });
  }

  /** The commands for tickets' streams that follow from one order. */
  function tasksOf(order: OrderFact, source: Envelope, automatic: readonly ListRow[]): Task[] {
    const tasks: Task[] = [];
    for (const position of order.positions) {
      const about = {
        organizer: order.organizer,
        event: order.event,
        position: position.id,
        item: position.item,
        variation: position.variation,
        date: position.subevent,
      };
      const command = (what: string) => commandOf(source, `${what} ${position.id}`);
      if (position.checkins.length > 0) {
        const rows: ImportedRow[] = position.checkins.map((row) => ({
          ...about,
          list: row.list,
          kind: row.type,
          auto: row.auto_checked_in,
          forced: row.forced,
          datetime: parseInstant(row.datetime) ?? row.datetime,
          nonce: row.nonce,
          row: row.id === null ? `${row.list} ${row.datetime} ${row.type}` : `pretix ${row.id}`,
        }));
        tasks.push(async () => {
          for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
            const some = importCheckins(rows.slice(from, from + ROWS_AT_ONCE));
            await tickets.transact(
              ticketStream(position.id),
              some,
              command(from === 0 ? 'checkins' : `checkins ${from}`),
            );
          }
        });
      }
      if (position.canceled) continue;
      for (const { fields } of automatic) {
        if (!admits(fields, position.item) || !coversDate(fields, position.subevent)) continue;
        tasks.push(() =>
          tickets.transact(
            ticketStream(position.id),
            autoCheckin({ ...about, list: fields.id }, instantOf(Date.parse(source.time))),
            command(`auto ${fields.id}`),
          ),
        );
      }
    }
    return tasks;
  }

  /**
   * All lists of an event. Throws when the read model is behind: an order cannot be decided without its lists, so the batch
   * must be tried again.
   */
  async function currentLists(event: string): Promise<ListRow[]> {
    if (!(await caughtUp(['lists']))) throw new StoreUnavailable('the read model lists is behind its history');
    return listsOf(pool, event);
  }

  /**
   * The lists that admit an order automatically when it is first seen: those stated before the import that brought the
   * order.
   */
  async function automaticLists(
    order: OrderFact,
    source: Envelope,
    known: Map<string, Promise<ListRow[]>>,
  ): Promise<ListRow[]> {
    const isFirst = order.part ? order.part.first : source.revision === 0;
    if (!isFirst || order.status === 'e' || order.status === 'c') return [];
    const event = `${order.organizer}/${order.event}`;
    if (!known.has(event)) known.set(event, currentLists(event));
    return (await known.get(event)!).filter(
      (list) => list.since < order.import && list.fields.auto_checkin_sales_channels.includes(order.sales_channel),
    );
  }

  /**
   * The lists that admit a batch automatically: those that were in this context's history when the batch was created, as they
   * stood then. A list that is made or changed later admits nobody who was sold a ticket before, however late or often the
   * batch is delivered.
   */
  async function listsFor(batch: BatchCreated['data'], source: Envelope): Promise<CheckinListFields[]> {
    const { organizer, event, date, item, sales_channel } = batch;
    const existing = await currentLists(`${organizer}/${event}`);
    const then = await Promise.all(existing.map(({ id }) => listAt(id, source.time)));
    return then
      .filter(isPresent)
      .filter((list) => list.auto_checkin_sales_channels.includes(sales_channel))
      .filter((list) => admits(list, item) && coversDate(list, date));
  }

  /** A list as it stood at a time; undefined when there was none. */
  async function listAt(id: number, time: string): Promise<CheckinListFields | undefined> {
    const until = sortable(time);
    const events = (await store.load(listStream(id))).filter((event) => sortable(event.time) <= until);
    const list = fold(checkinList, events.map((event) => checkinListEvents.read(event)).filter(isPresent));
    return list.kind === 'active' ? list.fields : undefined;
  }

  /** The check-ins that follow from a batch. Its positions need no read model: they have no gap. */
  function* entriesOf(
    batch: BatchCreated['data'],
    source: Envelope,
    automatic: readonly CheckinListFields[],
  ): Generator<Task> {
    const { organizer, event, item, variation, date, first_position: first, amount } = batch;
    const datetime = instantOf(Date.parse(source.time));
    for (let position = first; position < first + amount; position++) {
      for (const { id: list } of automatic) {
        const about = { organizer, event, position, item, variation, date, list };
        const command = commandOf(source, `auto ${list} ${position}`);
        yield () =>
          tickets.transact(ticketStream(position), autoCheckin(about, datetime), { ...command, known: NO_HISTORY });
      }
    }
  }

  return async (batch) => {
    let known = new Map<string, Promise<ListRow[]>>();
    const tasks: Task[] = [];
    const work = async () => {
      await Promise.all(tasks.splice(0).map((task) => task()));
    };
    for (const source of batch) {
      if (source.type === 'BatchCreated') {
        const event = sales.read(source);
        if (event?.type !== 'BatchCreated') continue;
        for (const task of entriesOf(event.data, source, await listsFor(event.data, source))) {
          tasks.push(task);
          if (tasks.length >= AT_ONCE) await work();
        }
        continue;
      }
      if (source.type !== 'ListStated' && source.type !== 'OrderStated') continue;
      const event = reference.read(source)!;
      if (event.type === 'ListStated') {
        await takeList(event.data, source);
        known = new Map();
      } else if (event.type === 'OrderStated') {
        tasks.push(...tasksOf(event.data, source, await automaticLists(event.data, source, known)));
        if (tasks.length >= AT_ONCE) await work();
      }
    }
    await work();
  };
}

/** What a source event commands; its events' ids derive from the source's, so that a repeat finds them. */
const commandOf = (source: Envelope, what: string) => ({
  actor: source.actor,
  trace: source.trace,
  request: uuidV5(source.id, what),
});

/** New tickets have none. If one has, the store refuses the append, and the decision is taken again on what it has. */
const NO_HISTORY: Known<Admissions> = { state: ticketDecider.initial, revision: 0 };

const isPresent = <T>(value: T | undefined): value is T => value !== undefined;
