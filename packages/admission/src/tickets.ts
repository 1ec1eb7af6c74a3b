import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { admission, type TicketEvent } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import { reference, type AnswerFact, type OrderFact, type PositionFact } from '@gatehouse/events/reference';
import { foldCase } from '@gatehouse/domain/fold';
import { parseInstant, sortable, type Instant } from '@gatehouse/domain/instant';
import { displayName, joinName, type Name } from '@gatehouse/domain/names';
import { ticket as ticketDecider, type Admissions } from '@gatehouse/domain/ticket';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { lockKey } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';

/** What the replies show of a ticket, as its order states it; names are rendered by the schemes of contract §2.2. */
export type ShownFacts = {
  readonly positionid: number;
  readonly price: string;
  readonly attendee_name: string | null;
  readonly attendee_name_parts: Readonly<Record<string, unknown>>;
  /** For printing (`pdf_data`): the ticket's own parts, and its own or parent's name. */
  readonly printed: { readonly name: string | null; readonly parts: Readonly<Record<string, unknown>> };
  readonly attendee_email: string | null;
  readonly voucher: number | null;
  readonly tax_rate: string;
  readonly tax_value: string;
  readonly tax_rule: number | null;
  readonly secret: string;
  readonly addon_to: number | null;
  readonly pseudonymization_id: string;
  readonly seat: PositionFact['seat'];
  readonly answers: readonly AnswerFact[];
  /** The ticket's add-ons in the order positionid, canceled ones included. */
  readonly addons: readonly { item: number; variation: number | null; price: string; canceled: boolean }[];
  readonly order: {
    readonly code: string;
    readonly testmode: boolean;
    readonly email: string | null;
    readonly locale: string;
    readonly checkin_attention: boolean;
    readonly require_approval: boolean;
    readonly invoice: OrderFact['invoice_address'];
  };
};

const COLUMNS = [
  'event', 'date', 'item', 'variation', 'status', 'canceled', 'testmode', 'order_code', 'order_time', 'positionid', 'addon_to',
  'voucher', 'secret', 'pseudonymization_id', 'name_key', 'parent_name_key', 'shown_name_key', 'email_key', 'secret_key',
  'code_key', 'search', 'search_names', 'facts', 'order_stream', 'order_import', 'order_revision',
]; // prettier-ignore

function sqlOf(file: string): string {
  return readFileSync(join(__dirname, '..', 'sql', file), 'utf8');
}

/** Read model `tickets`: fed by reference (facts) and by admission's own history; either may come first. */
export const ticketsModel: ReadModel = {
  name: 'tickets',
  version: 4,
  sql: sqlOf('tickets.read-model.sql'),
  indexes: sqlOf('tickets.read-model-indexes.sql'),
  tables: [
    { name: 'tickets', key: 'id', columns: ['id', ...COLUMNS].map((column) => `r.${column}`).join(', ') },
    { name: 'admissions', key: 'ticket', columns: '*' },
    { name: 'checkins', key: 'list, ticket', columns: '*' },
    { name: 'deleted_lists', key: 'list', columns: '*' },
    { name: 'ticket_tallies', key: 'event, date, item, variation, status', columns: '*' },
    { name: 'checkin_tallies', key: 'list, event, date, item, variation, status, canceled', columns: '*' },
  ],
  handles: { reference: projectOrders, admission: projectHistory },
};

/** What the tallies count a ticket under. */
type Place = { event: string; date: number; item: number; variation: number; status: string; canceled: boolean };

/**
 * Both feeds change the tallies by what the other has written, so their transactions take turns. The key is per schema: a
 * rebuild beside the live tables waits for nobody.
 */
const takeTurns = (tx: Tx) =>
  tx.query({
    name: 'tickets_turn',
    text: 'select pg_advisory_xact_lock(hashtextextended(current_schema(), $1))',
    values: [TURN],
  });
const TURN = lockKey('tickets', 'turn');

async function projectHistory(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const byTicket = new Map<number, Envelope[]>();
  const deletedLists: number[] = [];
  for (const stored of events) {
    if (stored.type === 'CheckinListDeleted') deletedLists.push((stored.data as { id: number }).id);
    if (!stored.stream.startsWith('ticket-')) continue;
    const id = Number(stored.stream.slice('ticket-'.length));
    const mine = byTicket.get(id);
    if (mine) mine.push(stored);
    else byTicket.set(id, [stored]);
  }
  if (byTicket.size === 0 && deletedLists.length === 0) return;
  await takeTurns(tx);
  if (deletedLists.length > 0) await clearLists(tx, deletedLists);
  await projectScans(tx, byTicket);
}

/**
 * A deleted list takes its check-ins along (contract §12, row 7); its id is never given again. It is remembered, because a scan
 * that was under way may still come after it.
 */
async function clearLists(tx: Tx, lists: readonly number[]): Promise<void> {
  await tx.query('insert into deleted_lists select unnest($1::integer[]) on conflict do nothing', [lists]);
  await tx.query('delete from checkins where list = any($1::integer[])', [lists]);
  await tx.query('delete from checkin_tallies where list = any($1::integer[])', [lists]);
}

async function projectScans(tx: Tx, byTicket: ReadonlyMap<number, readonly Envelope[]>): Promise<void> {
  if (byTicket.size === 0) return;
  const { rows } = await tx.query<
    {
      ticket: number;
      revision: number | null;
      state: Admissions | null;
      known: boolean;
      deleted: number[] | null;
    } & Place
  >({
    name: 'tickets_history',
    text: `select q.id as ticket, a.revision, a.state, t.id is not null as known,
                  t.event, t.date, t.item, t.variation, t.status, t.canceled,
                  (select array_agg(list) from deleted_lists) as deleted
           from unnest($1::integer[]) as q(id)
           left join admissions a on a.ticket = q.id
           left join tickets t on t.id = q.id`,
    values: [[...byTicket.keys()]],
  });
  const written: { ticket: number; revision: number; state: Admissions }[] = [];
  const entered: { list: number; ticket: number; time: Instant; auto: boolean }[] = [];
  const left: { list: number; ticket: number }[] = [];
  const tallies = new Map<string, CheckinTally>();
  for (const row of rows) {
    const before = row.state ?? ticketDecider.initial;
    let after = before;
    let revision = row.revision ?? 0;
    for (const stored of byTicket.get(row.ticket)!) {
      if (stored.revision < revision) continue;
      const event = admission.read(stored) as TicketEvent | undefined;
      if (event) after = ticketDecider.evolve(after, event);
      revision = stored.revision + 1;
    }
    if (revision === (row.revision ?? 0)) continue;
    written.push({ ticket: row.ticket, revision, state: after });
    for (const [list, checkin] of Object.entries(after.checkins)) {
      const old = before.checkins[list];
      if (old && old.datetime === checkin.datetime && old.auto === checkin.auto) continue;
      if (row.deleted?.includes(Number(list))) continue;
      entered.push({ list: Number(list), ticket: row.ticket, time: checkin.datetime, auto: checkin.auto });
      if (!old && row.known) tallyCheckin(tallies, Number(list), row, 1);
    }
    for (const list of Object.keys(before.checkins)) {
      if (list in after.checkins || row.deleted?.includes(Number(list))) continue;
      left.push({ list: Number(list), ticket: row.ticket });
      if (row.known) tallyCheckin(tallies, Number(list), row, -1);
    }
  }
  if (written.length === 0) return;
  await tx.query({
    name: 'tickets_admissions',
    text: `with entered as (
             insert into checkins (list, ticket, time, auto)
             select * from json_to_recordset($2) as e(list integer, ticket integer, time timestamptz, auto boolean)
             on conflict (list, ticket) do update set time = excluded.time, auto = excluded.auto
           ),
           tallied as (${movedCheckinTallies('$3')})
           insert into admissions (ticket, revision, state)
           select * from json_to_recordset($1) as w(ticket integer, revision integer, state json)
           on conflict (ticket) do update set revision = excluded.revision, state = excluded.state`,
    values: [JSON.stringify(written), JSON.stringify(entered), JSON.stringify(movedOf(tallies))],
  });
  if (left.length > 0) {
    await tx.query(
      `delete from checkins c using unnest($1::integer[], $2::integer[]) as gone(list, ticket)
       where c.list = gone.list and c.ticket = gone.ticket`,
      [left.map((each) => each.list), left.map((each) => each.ticket)],
    );
  }
}

type CheckinTally = Place & { list: number; by: number };

function tallyCheckin(tallies: Map<string, CheckinTally>, list: number, place: Place, by: number): void {
  const { event, date, item, variation, status, canceled } = place;
  const key = `${list} ${event} ${date} ${item} ${variation} ${status} ${canceled}`;
  const tally = tallies.get(key);
  if (tally) tally.by += by;
  else tallies.set(key, { list, event, date, item, variation, status, canceled, by });
}

const movedOf = (tallies: ReadonlyMap<string, CheckinTally>): CheckinTally[] =>
  [...tallies.values()].filter((tally) => tally.by !== 0);

/** The statement that adds what moved, which `parameter` holds as JSON; alone or as a part of another one. */
const movedCheckinTallies = (parameter: string): string => `
  insert into checkin_tallies as t (list, event, date, item, variation, status, canceled, checkins)
  select * from json_to_recordset(${parameter}) as moved(
    list integer, event text, date integer, item integer, variation integer, status text, canceled boolean, "by" integer
  )
  on conflict (list, event, date, item, variation, status, canceled) do update set checkins = t.checkins + excluded.checkins`;

type TicketRow = Place & {
  id: number;
  testmode: boolean;
  order_code: string;
  order_time: string;
  positionid: number;
  addon_to: number | null;
  voucher: number | null;
  secret: string;
  pseudonymization_id: string;
  name_key: string;
  parent_name_key: string | null;
  shown_name_key: string | null;
  email_key: string;
  secret_key: string;
  code_key: string;
  search: string;
  search_names: string;
  facts: ShownFacts;
  order_stream: string;
  order_import: number;
  order_revision: number;
};

async function projectOrders(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const schemes = new Map<string, string>();
  const orders: { order: OrderFact; stream: string; revision: number }[] = [];
  for (const stored of events) {
    if (stored.type !== 'OrderStated') continue;
    const event = reference.read(stored)!;
    if (event.type === 'OrderStated')
      orders.push({ order: event.data, stream: stored.stream, revision: stored.revision });
  }
  if (orders.length === 0) return;
  await takeTurns(tx);
  for (const { order } of orders) {
    const key = `${order.organizer}/${order.event}`;
    if (!schemes.has(key)) schemes.set(key, await nameScheme(tx, key));
  }
  const newest = new Map<number, TicketRow>();
  for (const { order, stream, revision } of orders) {
    const scheme = schemes.get(`${order.organizer}/${order.event}`)!;
    for (const row of rowsOf(order, scheme, { stream, revision })) {
      const rival = newest.get(row.id);
      if (!rival || supersedes(row, rival)) newest.set(row.id, row);
    }
  }
  const { rows: old } = await tx.query<
    Place & Pick<TicketRow, 'id' | 'order_stream' | 'order_import' | 'order_revision'>
  >({
    name: 'tickets_before',
    text: `select id, event, date, item, variation, status, canceled, order_stream, order_import, order_revision
           from tickets where id = any($1::integer[])`,
    values: [[...newest.keys()]],
  });
  const before = new Map(old.map((row) => [row.id, row]));
  const rows = [...newest.values()].filter((row) => {
    const rival = before.get(row.id);
    return !rival || supersedes(row, rival);
  });
  if (rows.length === 0) return;
  await tx.query({
    name: 'tickets_state',
    text: `insert into tickets (id, ${COLUMNS.join(', ')})
           select id, ${COLUMNS.join(', ')} from json_populate_recordset(null::tickets, $1)
           on conflict (id) do update
             set ${COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}, change = default`,
    values: [JSON.stringify(rows)],
  });
  await moveTicketTallies(tx, rows, before);
  const { rows: checkins } = await tx.query<{ list: number; ticket: number }>({
    name: 'tickets_checkins',
    // Out of the history, so that the table of check-ins needs no second index, which every scan would pay for.
    text: `select list::integer as list, a.ticket
           from admissions a cross join lateral json_object_keys(a.state -> 'checkins') as list
           where a.ticket = any($1::integer[]) and list::integer not in (select list from deleted_lists)`,
    values: [rows.map((row) => row.id)],
  });
  const tallies = new Map<string, CheckinTally>();
  for (const { list, ticket } of checkins) {
    const was = before.get(ticket);
    if (was) tallyCheckin(tallies, list, was, -1);
    tallyCheckin(tallies, list, newest.get(ticket)!, 1);
  }
  const moved = movedOf(tallies);
  if (moved.length === 0) return;
  await tx.query({
    name: 'move_checkin_tallies',
    text: movedCheckinTallies('$1'),
    values: [JSON.stringify(moved)],
  });
}

/** A position belongs to the order that named it last (import.md §3). */
function supersedes(
  row: Pick<TicketRow, 'order_stream' | 'order_import' | 'order_revision'>,
  rival: Pick<TicketRow, 'order_stream' | 'order_import' | 'order_revision'>,
): boolean {
  if (row.order_stream === rival.order_stream) return row.order_revision > rival.order_revision;
  return row.order_import >= rival.order_import;
}

/** Names are written by the scheme that the event has when the order is seen, as the shop does it. */
async function nameScheme(tx: Tx, event: string): Promise<string> {
  const { rows } = await tx.query<{ scheme: string }>(
    "select data ->> 'name_scheme' as scheme from facts where kind = 'event' and id = $1",
    [event],
  );
  return rows[0]?.scheme ?? 'full';
}

async function moveTicketTallies(
  tx: Tx,
  rows: readonly TicketRow[],
  before: ReadonlyMap<number, Place>,
): Promise<void> {
  const tallies = new Map<string, Place & { by: number }>();
  const tally = (place: Place, by: number) => {
    if (place.canceled) return;
    const { event, date, item, variation, status, canceled } = place;
    const key = `${event} ${date} ${item} ${variation} ${status}`;
    const known = tallies.get(key);
    if (known) known.by += by;
    else tallies.set(key, { event, date, item, variation, status, canceled, by });
  };
  for (const row of rows) {
    const was = before.get(row.id);
    if (was) tally(was, -1);
    tally(row, 1);
  }
  const moved = [...tallies.values()].filter((each) => each.by !== 0);
  if (moved.length === 0) return;
  await tx.query({
    name: 'move_ticket_tallies',
    text: `insert into ticket_tallies as t (event, date, item, variation, status, tickets)
           select * from unnest($1::text[], $2::integer[], $3::integer[], $4::integer[], $5::text[], $6::integer[])
           on conflict (event, date, item, variation, status) do update set tickets = t.tickets + excluded.tickets`,
    values: [
      moved.map((each) => each.event),
      moved.map((each) => each.date),
      moved.map((each) => each.item),
      moved.map((each) => each.variation),
      moved.map((each) => each.status),
      moved.map((each) => each.by),
    ],
  });
}

function rowsOf(order: OrderFact, scheme: string, source: { stream: string; revision: number }): TicketRow[] {
  const named = new Map<number, Name>(
    order.positions.map((position) => [
      position.id,
      { name: nameOf(position, scheme), parts: position.attendee_name_parts },
    ]),
  );
  const byId = new Map(order.positions.map((position) => [position.id, position]));
  const invoice: Name | null = order.invoice_address && {
    name: order.invoice_address.name || joinName(order.invoice_address.name_parts, scheme),
    parts: order.invoice_address.name_parts,
  };
  const event = `${order.organizer}/${order.event}`;
  const time = parseInstant(order.datetime) ?? order.datetime;
  return order.positions.map((position) => {
    const own = named.get(position.id)!;
    const parent = position.addon_to === null ? undefined : byId.get(position.addon_to);
    const parentName = parent ? named.get(parent.id)! : null;
    const shown = displayName(own, parentName, invoice);
    const key = own.name ? foldCase(own.name) : null;
    const parentKey = parentName?.name ? foldCase(parentName.name) : null;
    const names = [own.name, parentName?.name, invoice?.name];
    const texts = [...names, position.attendee_email, parent?.attendee_email, order.email];
    const facts: ShownFacts = {
      positionid: position.positionid,
      price: position.price,
      attendee_name: shown.name,
      attendee_name_parts: shown.parts,
      printed: { name: own.name || (parentName?.name ?? null), parts: own.parts },
      attendee_email: position.attendee_email,
      voucher: position.voucher,
      tax_rate: position.tax_rate,
      tax_value: position.tax_value,
      tax_rule: position.tax_rule,
      secret: position.secret,
      addon_to: position.addon_to,
      pseudonymization_id: position.pseudonymization_id,
      seat: position.seat,
      answers: position.answers,
      addons: order.positions
        .filter((addon) => addon.addon_to === position.id)
        .sort((a, b) => a.positionid - b.positionid)
        .map(({ item, variation, price, canceled }) => ({ item, variation, price, canceled })),
      order: {
        code: order.code,
        testmode: order.testmode,
        email: order.email,
        locale: order.locale,
        checkin_attention: order.checkin_attention,
        require_approval: order.require_approval,
        invoice: order.invoice_address,
      },
    };
    return {
      id: position.id,
      event,
      date: position.subevent ?? 0,
      item: position.item,
      variation: position.variation ?? 0,
      status: order.status,
      canceled: position.canceled,
      testmode: order.testmode,
      order_code: order.code,
      order_time: sortable(time),
      positionid: position.positionid,
      addon_to: position.addon_to,
      voucher: position.voucher,
      secret: position.secret,
      pseudonymization_id: position.pseudonymization_id,
      name_key: key ?? NO_NAME,
      parent_name_key: parentKey,
      shown_name_key: key ?? parentKey,
      email_key: foldCase(order.email ?? ''),
      secret_key: foldCase(position.secret),
      code_key: foldCase(order.code),
      search: lines(texts),
      search_names: lines(names),
      facts,
      order_stream: source.stream,
      order_import: order.import,
      order_revision: source.revision,
    };
  });
}

/** A position's own name: by its parts, or the flat one where an old export has no parts. */
const nameOf = (position: PositionFact, scheme: string): string | null =>
  joinName(position.attendee_name_parts, scheme) ?? position.attendee_name;

/** Stands for no name in `name_key`: greater than every name. */
export const NO_NAME = '\u{10FFFF}';

const lines = (texts: readonly (string | null | undefined)[]): string =>
  [...new Set(texts.filter((text): text is string => !!text).map(foldCase))].join('\n');
