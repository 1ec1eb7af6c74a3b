import type { Festival } from '@gatehouse/shop/festival';
import type { Ticket } from './tickets/lookup';

/** Whether the gate should check the visitor more closely (contract §2.1). */
export const requiresAttention = (ticket: Ticket, festival: Festival): boolean =>
  ticket.prepared.attention || festival.items.get(ticket.item)?.checkin_attention === true;
