import { uuidV5 } from '@gatehouse/eventing/uuid';
import type { Reply } from '@gatehouse/service/reply';

/* What scanners upload from their queues when they have a network again (clients.md §2, §7). */

/** Of the ids of uploads, which derive from what is uploaded. */
const UPLOADS = '7f1d4a52-6a0b-5c1e-9d3b-0e6f2b8c4a17';

/** The id of an upload: the same list, ticket (null: an unknown one) and nonce are the same scan, however often it comes. */
export const uploadOf = (list: number, ticket: number | null, nonce: string): string =>
  uuidV5(UPLOADS, JSON.stringify([list, ticket, nonce]));

/**
 * The reply to an upload that cannot be accepted. Scanners of 2020 keep what gets any other answer, and everything behind it: good scans
 * that other gates must know. It has no position, since nothing is to be shown to anybody; the event has the true reason.
 */
export const uploadRefused: Reply = {
  status: 400,
  body: { status: 'error', reason: 'already_redeemed', require_attention: false },
};
