import type { SourceFile } from './folder';
import type { SeatingPlan } from './known';
import type { Issue, Note, Stated } from './raw';
import type { DeviceContent, DroidKeyContent, TokenContent } from './raw-credentials';
import type { DateReading, EventReading } from './raw-events';
import type { OrderTickets } from './positions';
import type { OrderContent } from './raw-orders';
import { place } from './rows';

/** The contents of an import, by kind. */
export type Contents = {
  organizer: Stated<'OrganizerStated'>;
  channel: Stated<'SalesChannelStated'>;
  event: EventReading;
  date: DateReading;
  category: Stated<'CategoryStated'>;
  taxrule: Stated<'TaxRuleStated'>;
  item: Stated<'ItemStated'>;
  quota: Stated<'QuotaStated'>;
  question: Stated<'QuestionStated'>;
  layout: Stated<'LayoutStated'>;
  /** Whole, in one part. */
  layoutfile: Stated<'LayoutFileStated'>;
  list: Stated<'ListStated'>;
  voucher: Stated<'VoucherStated'>;
  waiting: Stated<'WaitingListEntryStated'>;
  seat: Stated<'SeatStated'>;
  cartposition: Stated<'CartPositionStated'>;
  token: TokenContent[];
  device: DeviceContent;
  droidkey: DroidKeyContent;
  badgelayout: Stated<'ShopObjectStated'>;
  badgeitem: Stated<'ShopObjectStated'>;
  revokedsecret: Stated<'ShopObjectStated'>;
  blockedsecret: Stated<'ShopObjectStated'>;
  /** What is needed of it after it was read; all of it is in the spool. */
  order: OrderTickets & Pick<OrderContent, 'sales_channel'>;
  /** Read because seats refer to it; not imported. */
  plan: { id: number; seats: SeatingPlan };
  /** Read to count the refused scans; not imported. */
  scan: undefined;
};
export type Kind = keyof Contents;

/** One parsed object of an export. `content` is undefined when its shape is wrong. */
export type ReadObject = {
  [K in Kind]: {
    readonly kind: K;
    readonly file: SourceFile;
    readonly index: number;
    readonly content: Contents[K] | undefined;
    readonly issues: readonly Issue[];
    readonly notes: readonly Note[];
  };
}[Kind];

/** One object of an export with all its problems. An object with issues is not imported; `lines` are its facts for the spool. */
export type Entry = ReadObject & { readonly lines: readonly Uint8Array[] };

/** `events/openair/orders.ndjson:17 positions[0].item: 4711 is no product of this event` */
export function problemOf({ file, index }: Pick<Entry, 'file' | 'index'>, { path, reason }: Issue): string {
  const where = place(file, index);
  return printable(path === '' ? `${where}: ${reason}` : `${where} ${path}: ${reason}`);
}

/** Escapes control characters, since names of files and keys of an export may contain any. */
export const printable = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (odd) => `\\u{${odd.codePointAt(0)!.toString(16)}}`);
