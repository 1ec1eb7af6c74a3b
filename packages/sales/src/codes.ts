import type { Ticket } from '@gatehouse/events/sales';
import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';
import { openMint, type Mint } from './mint';

/** Makes tickets of which no other has the code or the position. Its functions reject with StoreUnavailable. */
export type Codes = {
  /** New tickets with codes that the organizer has not had, and will not have again even if these are not used. */
  tickets(count: number, of: { readonly organizer: string; readonly testmode: boolean }): Promise<Ticket[]>;
  /** The first of `count` positions without a gap that nobody else gets. */
  positions(count: number): Promise<number>;
};

/** Over the tables of sql/001-batches.sql. */
export function openCodes(pool: Pool, mint: Mint = openMint()): Codes {
  return {
    async tickets(count, of) {
      const tickets: Ticket[] = [];
      while (tickets.length < count) {
        const minted = mint.tickets(count - tickets.length, of.testmode);
        const { rows } = await available(
          pool.query<{ code: string }>({
            name: 'claim_codes',
            // In one order for all who claim at a time: none waits for a code of another that waits for one of its own.
            text: `insert into order_codes select $1, code from unnest($2::text[]) as c(code) order by code
                   on conflict do nothing returning code`,
            values: [of.organizer, minted.map(({ code }) => code)],
          }),
        );
        const claimed = new Set(rows.map(({ code }) => code));
        tickets.push(...minted.filter(({ code }) => claimed.has(code)));
      }
      return tickets;
    },

    async positions(count) {
      const { rows } = await available(
        pool.query<{ first: number }>({
          name: 'take_positions',
          text: 'update free_positions set next = next + $1::integer returning next - $1::integer as first',
          values: [count],
        }),
      );
      return rows[0]!.first;
    },
  };
}
