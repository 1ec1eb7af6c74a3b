import { randomUUID } from 'node:crypto';
import type { Shape } from './decoder';

/* What an app that scans over REST sends, and what it insists on in the replies. */

/** One read of a synchronisation, its path below the organizer. */
export type Read = {
  readonly path: string;
  readonly shape: Shape;
  /** The parameters of the first time. */
  readonly query?: string;
  /** The parameters of the next times: from an instant of the first one, its header X-Page-Generated or a field of its first object. */
  readonly since?: { readonly query: string; readonly from: 'x-page-generated' | 'created' | 'updated' };
};

export type Scan = {
  readonly nonce: string;
  readonly answers?: Readonly<Record<string, string>>;
  readonly type?: 'entry' | 'exit';
  /** Of a queued scan; it is sent with force. */
  readonly datetime?: Date;
};

export type ScannerApp = {
  readonly name: string;
  /** What it says of itself when it sets itself up. */
  readonly software: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly knowsExits: boolean;
  /** Its choice of an event. */
  readonly events: string;
  /** Whether it reads the announced version first. */
  readonly asksVersion: boolean;
  /** Everything that it reads of an event, in its order. */
  sync(event: string): readonly Read[];
  /** Below the event. */
  redeemPath(list: number, secret: string): string;
  redeemBody(scan: Scan): Readonly<Record<string, unknown>>;
  /** Below the list. */
  search(words: string): string;
  readonly shapes: {
    readonly initialized: Shape;
    readonly event: Shape;
    readonly redeemed: Shape;
    readonly found: Shape;
    readonly status: Shape;
  };
  /** Whether a reply lets a queued scan leave the queue; behind one that does not, everything waits. */
  leavesQueue(status: number, body: Readonly<Record<string, unknown>> | undefined): boolean;
};

/** 26 characters, as the apps make them. */
export const newNonce = (): string => randomUUID().replaceAll('-', '').slice(0, 26);
