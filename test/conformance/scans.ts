import type { Recorded } from '@gatehouse/events/envelope';
import type { Ask } from '@gatehouse/service/testing';
import { API, order, position } from '@gatehouse/test-support/festival';
import type { ExportFiles, System } from '@gatehouse/test-support/system';

/** The reply to one scan, and its events in admission's history. */
export type Scanned = {
  readonly status: number;
  readonly body: ScanBody;
  readonly text: string;
  readonly events: readonly Recorded[];
};
export type ScanBody = {
  readonly status?: 'ok' | 'error' | 'incomplete';
  readonly reason?: string;
  readonly position?: Shown;
  readonly questions?: readonly { readonly id: number }[];
  readonly [key: string]: unknown;
};
export type Shown = {
  readonly id: number;
  readonly checkins: readonly { datetime: string; list: number; auto_checked_in: boolean }[];
  readonly answers: readonly { question: number; answer: string; options: number[] }[];
  readonly [key: string]: unknown;
};

/** Calls the redeem URL of a ticket, by id or by secret (encoded for a path). Scans of one test run one after another. */
export async function scan(
  system: System,
  at: { event: string; list: number; ticket: number | string },
  ask: Ask,
): Promise<Scanned> {
  const { rows } = await system.pool.query<{ head: string }>('select coalesce(max(position), 0) as head from events');
  const target = `${at.event}checkinlists/${at.list}/positions/${at.ticket}/redeem/`;
  const answer = await system.call('POST', target, ask);
  const { rows: events } = await system.pool.query<Recorded>(
    'select * from events where position > $1 order by position',
    [rows[0]!.head],
  );
  return { status: answer.status, body: answer.body as ScanBody, text: answer.text, events };
}

/** Summaries of events that distinguish acceptance, forced repeat and refusal. */
export const summaries = (events: readonly Recorded[]): string[] =>
  events.map(({ type, data }) => {
    const { first, forced, reason } = data as { first?: boolean; forced?: boolean; reason?: string };
    if (type === 'PositionRedeemed') return `${first ? 'entry' : 'repeat'}${forced ? ', forced' : ''}`;
    return type === 'RedemptionRefused' ? `refused: ${reason}${forced ? ', forced' : ''}` : type;
  });

export type FreshTicket = { readonly id: number; readonly secret: string; readonly code: string };

/** Tickets for one test each, made before the import, with any order and position. */
export function ticketOffice(firstId: number) {
  const orders: ReturnType<typeof order>[] = [];
  return {
    ticket(
      fields: { readonly item: number } & Readonly<Record<string, unknown>>,
      status: 'p' | 'n' | 'e' | 'c' = 'p',
      orderFields: Readonly<Record<string, unknown>> = {},
    ): FreshTicket {
      const id = firstId + orders.length;
      const ticket = { id, secret: `fresh${id}`, code: `F${id}` };
      orders.push(order(ticket.code, { ...orderFields, status }, [position(ticket, fields)]));
      return ticket;
    },
    /** An export with these orders in one of its events. */
    addTo(files: ExportFiles, event: string): ExportFiles {
      const file = `demo/events/${event}/orders.ndjson`;
      return { ...files, [file]: [...(files[file] as unknown[]), ...orders] };
    },
    /** One imported order, to change it. */
    order(ticket: FreshTicket): ReturnType<typeof order> {
      return orders.find((each) => each.code === ticket.code)!;
    },
  };
}

/** Calls `checkinrpc/redeem/` of the organizer `demo`, and returns its reply and events as `scan` does. */
export async function rpcScan(system: System, json: object, ask: Ask = {}, query = ''): Promise<Scanned> {
  const { rows } = await system.pool.query<{ head: string }>('select coalesce(max(position), 0) as head from events');
  const answer = await system.call('POST', `${API}demo/checkinrpc/redeem/${query}`, { ...ask, json });
  const { rows: events } = await system.pool.query<Recorded>(
    'select * from events where position > $1 order by position',
    [rows[0]!.head],
  );
  return { status: answer.status, body: answer.body as ScanBody, text: answer.text, events };
}
