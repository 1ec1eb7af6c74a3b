import { ticketEvents } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { fillStatement, type Change, type Filling } from '@gatehouse/eventing/inline';
import { available } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';

const SCANS: readonly string[] = ['PositionRedeemed', 'PositionExited'];

/** The function that writes it (sql/004-fill-columns.sql), and how appends do. */
const inline: Filling = {
  call: 'fill_nonces_2',
  columns: ['integer', 'text', 'integer'],
  changesOf: ({ events }) => events.flatMap(namedScanIn),
};

/**
 * Read model `nonces`: which ticket a scanner scanned by a list when it named its scan so, for taking that scan back (annul.ts).
 * A hint, which the ticket's history confirms.
 */
export const noncesModel: ReadModel = {
  name: 'nonces',
  version: 1,
  sql: `
    create table nonces (
      list integer not null,
      -- Of the nonce, which has up to 190 characters.
      hash bigint not null,
      ticket integer not null,
      primary key (list, hash, ticket)
    );
  `,
  tables: [{ name: 'nonces', key: 'list, hash, ticket', columns: '*' }],
  handles: { admission: projectNonces },
  only: SCANS,
  inline,
};

/** The row of `inline.columns` for a scan that has a nonce: list, nonce, ticket. */
function namedScanIn(stored: Pick<Envelope, 'type' | 'version' | 'data'>): Change[] {
  if (!SCANS.includes(stored.type)) return [];
  const event = ticketEvents.read(stored);
  if (event?.type !== 'PositionRedeemed' && event?.type !== 'PositionExited') return [];
  const { list, nonce, position } = event.data;
  return nonce === null ? [] : [[list, nonce, position]];
}

async function projectNonces(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const scans = events.flatMap(namedScanIn);
  if (scans.length > 0) await tx.query(fillStatement(inline, scans));
}

/** The tickets that were scanned by one of these lists under this nonce, or under another one with the same hash. */
export async function ticketsNamed(pool: Pool, lists: readonly number[], nonce: string): Promise<number[]> {
  const { rows } = await available(
    pool.query<{ ticket: number }>({
      name: 'nonces_find',
      text: `select distinct ticket from nonces
             where list = any($1::integer[]) and hash = hashtextextended($2::text collate "C", 0)`,
      values: [lists, nonce],
    }),
  );
  return rows.map(({ ticket }) => ticket);
}
