import { type MessagePort } from 'node:worker_threads';
import { type Omission } from './omission';
import { type Batch, type Ticket } from './ticket';

/** What a printer asks of its thread: a document. All that is said about it goes over its own port, until one side closes that. */
export type Order = { readonly batch: Batch; readonly port: MessagePort };

export type ToThread =
  /** The next tickets; none: there are no more. */
  | { readonly type: 'tickets'; readonly tickets: readonly Ticket[] }
  /** A chunk has been taken. */
  | { readonly type: 'taken' };

export type FromThread =
  /** All tickets so far are drawn; asks for the next ones. */
  | { readonly type: 'want'; readonly drawn: number }
  | { readonly type: 'chunk'; readonly chunk: Uint8Array }
  | { readonly type: 'end'; readonly tickets: number; readonly pages: number; readonly omissions: readonly Omission[] }
  | { readonly type: 'error'; readonly message: string };

/** How many tickets travel together. */
export const TICKETS_PER_MESSAGE = 50;

/** How many chunks may be under way: the thread waits while nobody takes them. */
export const CHUNKS_UNDER_WAY = 8;
