import { ticketEvents } from '@gatehouse/events/admission';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { available } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';

const SCANS: readonly string[] = ['PositionRedeemed', 'PositionExited'];

/** The function that writes it (sql/003-fill-nonces.sql). */
const FILL = 'fill_nonces_1';

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
  inline: {
    call: FILL,
    changesOf: ({ events }) => events.flatMap((event) => namedScanIn(event) ?? []).map((scan) => JSON.stringify(scan)),
  },
};

function namedScanIn(
  stored: Pick<Envelope, 'type' | 'version' | 'data'>,
): { list: number; nonce: string; ticket: number } | undefined {
  if (!SCANS.includes(stored.type)) return undefined;
  const event = ticketEvents.read(stored);
  if (event?.type !== 'PositionRedeemed' && event?.type !== 'PositionExited') return undefined;
  const { list, nonce, position } = event.data;
  return nonce === null ? undefined : { list, nonce, ticket: position };
}

async function projectNonces(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const scans = events.flatMap((event) => namedScanIn(event) ?? []);
  if (scans.length === 0) return;
  await tx.query({
    name: 'fill_nonces',
    text: `select ${FILL}($1, '{}')`,
    values: [JSON.stringify(scans)],
  });
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
