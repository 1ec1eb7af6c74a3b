import { exitEveryone, moveExitAll } from '@gatehouse/domain/exit-all';
import type { Owner } from '@gatehouse/eventing/owner';
import { available, waker } from '@gatehouse/eventing/postgres';
import { listStream, ticketStream } from '@gatehouse/events/admission';
import type { CheckinListFields } from '@gatehouse/events/checkin-list';
import type { Pool } from 'pg';
import type { Admission } from './admission';

/** Tickets whose streams are appended to at once. */
const AT_ONCE = 100;
/** A list may get an earlier time, or its first, while this waits for another: it is late by no more than this. */
const LONGEST_WAIT_MS = 5_000;
const BY = { actor: 'system:exit-all', trace: null };

/**
 * Records that everybody who was inside at a list's `exit_all_at` has left, and moves that time to the next day (contract
 * §10, 3.12). The gates do not wait for it: a decision about an entry knows that time (domain/redeem). What was recorded
 * before a crash is not recorded again, since those tickets are outside then.
 */
export async function exitAtTheirTime(
  { pool, catalog, lists, tickets, caughtUp }: Pick<Admission, 'pool' | 'catalog' | 'lists' | 'tickets' | 'caughtUp'>,
  { signal, onProgress }: Owner,
): Promise<void> {
  const pause = waker();
  while (!signal.aborted) {
    const { due, waitMs } = await look(pool);
    onProgress(true);
    for (const list of due) await letEveryoneOut(list);
    await pause.next(signal, waitMs);
  }

  async function letEveryoneOut(list: CheckinListFields): Promise<void> {
    const { organizer, event, id } = list;
    const at = list.exit_all_at!;
    // Else an entry of a moment ago would be missed; it is tried again after the next look.
    if (!(await caughtUp(['lists', 'tickets']))) return;
    let last = 0;
    for (;;) {
      const page = await insidePage(pool, id, last);
      if (signal.aborted) return;
      await Promise.all(
        page
          .filter(isStated)
          .map(({ ticket, ...bought }) =>
            tickets.transact(
              ticketStream(ticket),
              exitEveryone({ organizer, event, list: id, position: ticket, ...bought }, at),
              BY,
            ),
          ),
      );
      onProgress(true);
      if (page.length < AT_ONCE) break;
      last = page.at(-1)!.ticket;
    }
    const timeZone = catalog.festival(organizer, event)?.fact.timezone ?? 'UTC';
    await lists.transact(listStream(id), moveExitAll(at, { timeZone, now: Date.now() }), BY);
    // The time that was moved must not look due again.
    await caughtUp(['lists']);
  }
}

/** The lists whose time has come, and how long until the next one's. */
async function look(pool: Pool): Promise<{ due: CheckinListFields[]; waitMs: number }> {
  const { rows } = await available(
    pool.query<{ fields: CheckinListFields; wait: number }>({
      name: 'lists_exiting',
      text: `select fields, (extract(epoch from (fields ->> 'exit_all_at')::timestamptz - now()) * 1000)::float8 as wait
             from lists where not deleted and fields ->> 'exit_all_at' is not null`,
    }),
  );
  const due = rows.filter(({ wait }) => wait <= 0).map(({ fields }) => fields);
  const next = Math.min(LONGEST_WAIT_MS, ...rows.filter(({ wait }) => wait > 0).map(({ wait }) => wait));
  return { due, waitMs: Math.max(1, next) };
}

type Inside = {
  readonly ticket: number;
  readonly item: number;
  readonly variation: number | null;
  readonly date: number | null;
};
type Row = Inside | (Pick<Inside, 'ticket' | 'variation' | 'date'> & { readonly item: null });

const isStated = (row: Row): row is Inside => row.item !== null;

/** The next tickets after one that are inside, by id. */
async function insidePage(pool: Pool, list: number, after: number): Promise<Row[]> {
  const { rows } = await available(
    pool.query<Row>({
      name: 'inside_list',
      text: `select c.ticket, t.item, nullif(t.variation, 0) as variation, nullif(t.date, 0) as date
             from (
               select ticket from checkins where list = $1 and ticket > $2 and not outside order by ticket limit ${AT_ONCE}
             ) c
             -- A ticket that the shop does not state any more is in its history and not here.
             left join lateral (select * from tickets where id = c.ticket offset 0) t on true
             order by c.ticket`,
      values: [list, after],
    }),
  );
  return rows;
}
