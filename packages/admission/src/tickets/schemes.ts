import type { Envelope } from '@gatehouse/events/envelope';
import { reference } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { NAME_COLUMNS, PREPARED_FROM, withNames, type TicketRow } from './row';

/** Each event's name scheme. An event that has not been stated yet has the shop's default. */
export type Schemes = { of(event: string): string; readonly changed: readonly string[] };

const DEFAULT = 'full';
/** Tickets renamed in one statement when a scheme has changed. */
const AT_ONCE = 1_000;

type SchemeRow = { event: string; revision: number; scheme: string };

/**
 * Stores the name schemes in the stated events and returns those of `events`. The read model keeps its own copy, since
 * another read model may be ahead or behind (contract §2.2).
 */
export async function takeSchemes(tx: Tx, stated: readonly Envelope[], events: ReadonlySet<string>): Promise<Schemes> {
  const newest = new Map<string, SchemeRow>();
  for (const { stream, revision, ...stored } of stated) {
    const fact = reference.read(stored);
    if (fact?.type !== 'EventStated') continue;
    const { organizer, event: slug, name_scheme: scheme } = fact.data;
    const event = `${organizer}/${slug}`;
    if (revision >= (newest.get(event)?.revision ?? 0)) newest.set(event, { event, revision, scheme });
  }
  const { rows } = await tx.query<SchemeRow>({
    name: 'tickets_schemes',
    text: 'select event, revision, scheme from name_schemes where event = any($1::text[])',
    values: [[...new Set([...events, ...newest.keys()])]],
  });
  const known = new Map(rows.map((row) => [row.event, row]));
  const changed: string[] = [];
  for (const row of newest.values()) {
    const before = known.get(row.event);
    if (before && before.revision >= row.revision) continue;
    if ((before?.scheme ?? DEFAULT) !== row.scheme) changed.push(row.event);
    known.set(row.event, row);
    await tx.query(
      `insert into name_schemes (event, revision, scheme) values ($1, $2, $3)
       on conflict (event) do update set revision = excluded.revision, scheme = excluded.scheme`,
      [row.event, row.revision, row.scheme],
    );
  }
  return { of: (event) => known.get(event)?.scheme ?? DEFAULT, changed };
}

/** Rewrites the names of an event's tickets in another scheme. */
export async function rename(tx: Tx, event: string, scheme: string): Promise<void> {
  const columns = [...PREPARED_FROM, ...NAME_COLUMNS] as const;
  await tx.query(`declare renamed no scroll cursor for select ${columns.join()} from tickets where event = $1`, [
    event,
  ]);
  for (;;) {
    const { rows } = await tx.query<Pick<TicketRow, (typeof columns)[number]>>(`fetch ${AT_ONCE} from renamed`);
    const written = rows.flatMap((row) => {
      const renamed = withNames(row, scheme);
      return JSON.stringify(renamed) === JSON.stringify(row) ? [] : [renamed];
    });
    if (written.length > 0) {
      await tx.query(
        `update tickets t set ${NAME_COLUMNS.map((column) => `${column} = r.${column}`).join()}, change = default
         from json_populate_recordset(null::tickets, $1) r where t.id = r.id`,
        [JSON.stringify(written)],
      );
    }
    if (rows.length < AT_ONCE) break;
  }
  await tx.query('close renamed');
}
