import { referenceStream, type ReferenceEvent } from '@gatehouse/events/reference';
import { ticketsOf } from './positions';
import type { Kind, ReadObject } from './entry';
import type { OrderContent } from './raw-orders';
import { contentHash, type Spooled } from './spool';

/** The event types of objects; kinds without one are not imported. */
const TYPES: Partial<Record<Kind, ReferenceEvent['type']>> = {
  organizer: 'OrganizerStated',
  channel: 'SalesChannelStated',
  event: 'EventStated',
  date: 'DateStated',
  category: 'CategoryStated',
  taxrule: 'TaxRuleStated',
  item: 'ItemStated',
  quota: 'QuotaStated',
  question: 'QuestionStated',
  layout: 'LayoutStated',
  layoutfile: 'LayoutFileStated',
  list: 'ListStated',
  voucher: 'VoucherStated',
  waiting: 'WaitingListEntryStated',
  seat: 'SeatStated',
  cartposition: 'CartPositionStated',
  token: 'TokenStated',
  device: 'DeviceStated',
  droidkey: 'DroidKeyStated',
  badgelayout: 'ShopObjectStated',
  badgeitem: 'ShopObjectStated',
  revokedsecret: 'ShopObjectStated',
  blockedsecret: 'ShopObjectStated',
  order: 'OrderStated',
};

/** The event that states a spooled object in the import `number`. */
export function eventOf(spooled: Pick<Spooled, 'kind' | 'hash'>, content: object, number: number): ReferenceEvent {
  const type = TYPES[spooled.kind as Kind];
  return { type, data: { import: number, hash: spooled.hash, ...content } } as ReferenceEvent;
}

/**
 * The facts of a valid object for the spool. Credentials have no stream yet, because their newest state is read before they
 * are written.
 */
export function spooledOf(object: Exclude<ReadObject, { kind: 'order' }>): Spooled[] {
  switch (object.kind) {
    case 'plan':
    case 'scan':
      return [];
    case 'token':
      return object.content!.map((token) => spool('token', token));
    case 'device':
    case 'droidkey':
      return [spool(object.kind, object.content!)];
    case 'event':
    case 'date': {
      const { seatingPlan: _plan, ...content } = object.content!;
      return [spoolWithStream(object.kind, content)];
    }
    default:
      return [spoolWithStream(object.kind, object.content!)];
  }
}

/** The fact of a valid order. */
export const spooledOrder = (order: OrderContent): Spooled => ({
  ...spoolWithStream('order', order),
  tickets: JSON.stringify(ticketsOf(order)),
});

/** A sales channel that no file defines, but some list or order names. */
export const impliedChannel = (organizer: string, identifier: string): Spooled =>
  spoolWithStream('channel', { organizer, identifier, label: { en: identifier } });

const spool = (kind: Kind, content: object): Spooled => ({ kind, stream: '', hash: '', json: JSON.stringify(content) });

function spoolWithStream(kind: Kind, content: object): Spooled {
  const json = JSON.stringify(content);
  const stream = referenceStream({ type: TYPES[kind], data: content } as ReferenceEvent);
  return { kind, stream, hash: contentHash(json), json };
}
