import { z } from 'zod';
import { checkinListShape } from './checkin-list';
import { catalog, event, type EventOf } from './define';

/*
 * `reference` mirrors the data of a shop system (design §3, import.md). Every event carries the whole current state of its
 * entity, the import that brought it and the hash of its content. Keys are pretix's own. Consumers must not depend on old
 * revisions.
 */

const id = z.int();
const i18n = z.record(z.string(), z.string());
/** An ISO 8601 instant with offset, as pretix wrote it. */
const instant = z.string();
const money = z.string();

const fact = {
  /** Number of the import that stated it; 0 for facts of the command line and of devices themselves. */
  import: z.int(),
  /** Hash of the content, by which the importer recognises an unchanged object. */
  hash: z.string(),
  organizer: z.string(),
};
const eventFact = { ...fact, event: z.string() };

/**
 * What the shop's object has besides the fields of the fact, or in another form: for those who read the shop's objects here in
 * its place (`objectOf`). Absent in facts of older releases.
 */
const given = z.unknown().optional();

export const OrganizerStated = event('OrganizerStated', z.object({ ...fact, name: z.string() }));

export const EventStated = event(
  'EventStated',
  z.object({
    ...eventFact,
    name: i18n,
    has_subevents: z.boolean(),
    date_from: instant.nullable(),
    date_to: instant.nullable(),
    date_admission: instant.nullable(),
    location: i18n.nullable(),
    currency: z.string(),
    timezone: z.string(),
    locale: z.string(),
    locales: z.array(z.string()),
    name_scheme: z.string(),
    public_url: z.string().nullable(),
    seat_category_mapping: z.record(z.string(), z.unknown()),
    /** The settings that a rule uses (import.md §2), with defaults filled in. */
    settings: z.object({
      ticket_download: z.boolean(),
      ticket_download_pending: z.boolean(),
      ticket_download_addons: z.boolean(),
      ticket_download_nonadm: z.boolean(),
      reservation_time: z.int(),
      seating_minimal_distance: z.number(),
      seating_distance_within_row: z.boolean(),
      seating_allow_blocked_seats_for_channel: z.array(z.string()),
    }),
    given,
    /** All its settings, as the shop sent them; absent where an export has none. */
    given_settings: z.unknown().optional(),
  }),
);

export const DateStated = event(
  'DateStated',
  z.object({
    ...eventFact,
    id,
    name: i18n,
    active: z.boolean(),
    date_from: instant,
    date_to: instant.nullable(),
    date_admission: instant.nullable(),
    location: i18n.nullable(),
    seat_category_mapping: z.record(z.string(), z.unknown()),
    given,
  }),
);

export const CategoryStated = event(
  'CategoryStated',
  z.object({ ...eventFact, id, name: i18n, position: z.int(), given }),
);

export const ItemStated = event(
  'ItemStated',
  z.object({
    ...eventFact,
    id,
    name: i18n,
    internal_name: z.string().nullable(),
    description: i18n.nullable(),
    active: z.boolean(),
    category: id.nullable(),
    position: z.int(),
    admission: z.boolean(),
    default_price: money.nullable(),
    tax_rule: id.nullable(),
    tax_rate: money.nullable(),
    checkin_attention: z.boolean(),
    generate_tickets: z.boolean().nullable(),
    has_variations: z.boolean(),
    variations: z.array(
      z.object({
        id,
        value: i18n,
        active: z.boolean(),
        position: z.int(),
        default_price: money.nullable(),
        checkin_attention: z.boolean(),
      }),
    ),
    given,
  }),
);

export const QuotaStated = event(
  'QuotaStated',
  z.object({
    ...eventFact,
    id,
    name: z.string(),
    size: z.int().nullable(),
    items: z.array(id),
    variations: z.array(id),
    subevent: id.nullable(),
    close_when_sold_out: z.boolean(),
    closed: z.boolean(),
    /** Only shown. */
    release_after_exit: z.boolean().optional(),
    ignore_for_event_availability: z.boolean().optional(),
  }),
);

export const QuestionStated = event(
  'QuestionStated',
  z.object({
    ...eventFact,
    id,
    question: i18n,
    type: z.string(),
    required: z.boolean(),
    items: z.array(id),
    options: z.array(z.object({ id, identifier: z.string(), answer: i18n, position: z.int() })),
    position: z.int(),
    ask_during_checkin: z.boolean(),
    identifier: z.string(),
    dependency_question: id.nullable(),
    dependency_values: z.array(z.string()),
    hidden: z.boolean(),
    print_on_invoice: z.boolean(),
    given,
  }),
);

export const ListStated = event('ListStated', z.object({ ...eventFact, ...checkinListShape }));

export const VoucherStated = event(
  'VoucherStated',
  z.object({
    ...eventFact,
    id,
    code: z.string(),
    max_usages: z.int(),
    redeemed: z.int(),
    valid_until: instant.nullable(),
    block_quota: z.boolean(),
    allow_ignore_quota: z.boolean(),
    item: id.nullable(),
    variation: id.nullable(),
    quota: id.nullable(),
    subevent: id.nullable(),
    seat: z.string().nullable(),
  }),
);

export const WaitingListEntryStated = event(
  'WaitingListEntryStated',
  z.object({
    ...eventFact,
    id,
    item: id,
    variation: id.nullable(),
    subevent: id.nullable(),
    voucher: id.nullable(),
  }),
);

export const SeatStated = event(
  'SeatStated',
  z.object({
    ...eventFact,
    id,
    subevent: id.nullable(),
    seat_guid: z.string(),
    zone_name: z.string().nullable(),
    row_name: z.string().nullable(),
    row_label: z.string().nullable(),
    seat_number: z.string().nullable(),
    seat_label: z.string().nullable(),
    product: id.nullable(),
    blocked: z.boolean(),
    x: z.number().nullable(),
    y: z.number().nullable(),
    sorting_rank: z.int().nullable(),
  }),
);

export const CartPositionStated = event(
  'CartPositionStated',
  z.object({
    ...eventFact,
    id,
    cart_id: z.string(),
    item: id,
    variation: id.nullable(),
    price: money,
    attendee_name_parts: z.record(z.string(), z.unknown()),
    attendee_email: z.string().nullable(),
    voucher: id.nullable(),
    addon_to: id.nullable(),
    subevent: id.nullable(),
    datetime: instant,
    expires: instant,
    includes_tax: z.boolean(),
    answers: z.array(z.unknown()),
    seat: z.string().nullable(),
  }),
  { privateFields: ['attendee_name_parts', 'attendee_email', 'answers'] },
);

export const TaxRuleStated = event('TaxRuleStated', z.object({ ...eventFact, id, name: i18n, rate: money }));

export const LayoutStated = event(
  'LayoutStated',
  z.object({
    ...eventFact,
    id,
    name: z.string(),
    default: z.boolean(),
    layout: z.unknown(),
    /** Where the shop has the background: a URL. The file itself, if the export has it, is a LayoutFileStated of its name. */
    background: z.string().nullable().optional(),
    /** The products whose tickets have this layout, by sales channel. */
    item_assignments: z.array(z.object({ item: id, sales_channel: z.string() })).optional(),
  }),
);

/**
 * A file that layouts of the event show: a background or an image. It is stated in parts, each an event in the file's stream;
 * they take effect together with the last one, which alone has the hash. A part 1 before the last one starts again, after a
 * killed import.
 */
export const LayoutFileStated = event(
  'LayoutFileStated',
  z.object({
    ...eventFact,
    /** As layouts call it (`domain/layout-files`). */
    name: z.string(),
    /** Of the whole file, in hex. */
    sha256: z.string(),
    part: z.object({ number: z.int(), of: z.int() }),
    /** The bytes of this part in base64. */
    data: z.string(),
  }),
  { isPrivate: true },
);

export const SalesChannelStated = event(
  'SalesChannelStated',
  z.object({ ...fact, identifier: z.string(), label: i18n }),
);

export const Answer = z.object({
  question: id,
  answer: z.string(),
  question_identifier: z.string(),
  options: z.array(id),
  option_identifiers: z.array(z.string()),
});

export const OrderStated = event(
  'OrderStated',
  z.object({
    ...eventFact,
    code: z.string(),
    /**
     * For a state that is too large for one event: the number of this part, from 1, and of all parts. Absent: the event has
     * the whole state. Parts follow each other in their stream, each with the order's own fields and some of its positions.
     * The state takes effect with its last part; a part 1 before `of` parts have come starts again, after a killed import.
     * `hash` is empty in all but the last part. `first`: the order had no whole state before.
     */
    part: z.object({ number: z.int(), of: z.int(), first: z.boolean() }).optional(),
    /** n pending, p paid, e expired, c canceled (contract §2.1). */
    status: z.enum(['n', 'p', 'e', 'c']),
    testmode: z.boolean(),
    email: z.string().nullable(),
    datetime: instant,
    sales_channel: z.string(),
    locale: z.string(),
    require_approval: z.boolean(),
    /** Its tickets let in while it is pending; absent: they do not. */
    valid_if_pending: z.literal(true).optional(),
    checkin_attention: z.boolean(),
    invoice_address: z
      .object({
        name: z.string(),
        name_parts: z.record(z.string(), z.unknown()),
        company: z.string(),
      })
      .nullable(),
    positions: z.array(
      z.object({
        id,
        positionid: z.int(),
        item: id,
        variation: id.nullable(),
        price: money,
        attendee_name: z.string().nullable(),
        attendee_name_parts: z.record(z.string(), z.unknown()),
        attendee_email: z.string().nullable(),
        voucher: id.nullable(),
        tax_rate: money,
        tax_value: money,
        tax_rule: id.nullable(),
        secret: z.string(),
        addon_to: id.nullable(),
        subevent: id.nullable(),
        pseudonymization_id: z.string(),
        /** The seat as orders name it; zone, row and number are for `pdf_data`. */
        seat: z
          .object({
            id,
            name: z.string(),
            seat_guid: z.string(),
            zone_name: z.string().optional(),
            row_name: z.string().optional(),
            seat_number: z.string().optional(),
          })
          .nullable(),
        canceled: z.boolean(),
        /** Why the shop has blocked it. This and the next two are absent when there is nothing to say. */
        blocked: z.array(z.string()).optional(),
        /** When it lets in, both ends included. */
        valid_from: instant.optional(),
        valid_until: instant.optional(),
        answers: z.array(Answer),
        checkins: z.array(
          z.object({
            /** pretix's id of the row, if the export has one. */
            id: id.nullable(),
            list: id,
            datetime: instant,
            type: z.enum(['entry', 'exit']),
            auto_checked_in: z.boolean(),
            forced: z.boolean(),
            nonce: z.string().nullable(),
          }),
        ),
        given,
      }),
    ),
    given,
  }),
  { privateFields: ['email', 'invoice_address', 'positions', 'given'] },
);

/**
 * An object of the shop that no rule reads: it is only given back, as the shop sent it. `kind`: layouts of badges and the
 * products that have them; secrets that tickets once had, and those that are blocked.
 */
export const ShopObjectStated = event(
  'ShopObjectStated',
  z.object({
    ...eventFact,
    kind: z.enum(['badgelayout', 'badgeitem', 'revokedsecret', 'blockedsecret']),
    id,
    given: z.unknown(),
  }),
  { isPrivate: true },
);

/** The permission flags of contract §1.3 that some route requires. */
export const Permission = z.enum([
  'can_view_orders',
  'can_change_orders',
  'can_change_event_settings',
  'can_checkin_orders',
]);
export type Permission = z.infer<typeof Permission>;

const scope = { all_events: z.boolean(), limit_events: z.array(z.string()) };

/**
 * A team's API token. `id` is assigned by Gatehouse; `token_hash` is the SHA-256 of the token in hex, the token itself is
 * not stored.
 */
export const TokenStated = event(
  'TokenStated',
  z.object({
    ...fact,
    id,
    name: z.string(),
    token_hash: z.string(),
    active: z.boolean(),
    permissions: z.array(Permission),
    ...scope,
  }),
  { privateFields: ['token_hash'] },
);

/** A scanner. `token_hash` is null until it has been initialised. */
export const DeviceStated = event(
  'DeviceStated',
  z.object({
    ...fact,
    /** pretix's `device_id`, unique in its organizer. */
    device_id: id,
    name: z.string(),
    token_hash: z.string().nullable(),
    initialized: z.boolean(),
    revoked: z.boolean(),
    ...scope,
    /** This and what follows is missing in facts of earlier releases. */
    unique_serial: z.string().optional(),
    security_profile: z.string().optional(),
    /** Of the token with which an app sets the device up, once. */
    setup_token_hash: z.string().nullable().optional(),
    /** Until when that can be used; null: the shop made it, where such tokens do not expire. */
    setup_expires: instant.nullable().optional(),
    /** Whether its API token was made here (it was set up here, or has rolled its token): no import replaces it then. */
    own_token: z.boolean().optional(),
    /** What its app last told of itself. */
    hardware_brand: z.string().nullable().optional(),
    hardware_model: z.string().nullable().optional(),
    os_name: z.string().nullable().optional(),
    os_version: z.string().nullable().optional(),
    software_brand: z.string().nullable().optional(),
    software_version: z.string().nullable().optional(),
  }),
  { privateFields: ['token_hash', 'setup_token_hash'] },
);

/** One pretixdroid app configuration (contract §3.1). */
export const DroidKeyStated = event(
  'DroidKeyStated',
  z.object({
    ...eventFact,
    id,
    key_hash: z.string(),
    list: id,
    all_items: z.boolean(),
    items: z.array(id),
    allow_search: z.boolean(),
    show_info: z.boolean(),
    app: z.string(),
    active: z.boolean(),
  }),
  { privateFields: ['key_hash'] },
);

/** An import began to write; its number is that of the previous one in the stream `imports` plus one. */
export const ImportStarted = event('ImportStarted', z.object({ import: z.int(), folder: z.string() }));

/**
 * An import has written everything. An import without this event was interrupted: the next one continues under its number.
 */
export const ImportFinished = event('ImportFinished', z.object({ import: z.int() }));

export const reference = catalog([
  OrganizerStated,
  EventStated,
  DateStated,
  CategoryStated,
  ItemStated,
  QuotaStated,
  QuestionStated,
  ListStated,
  VoucherStated,
  WaitingListEntryStated,
  SeatStated,
  CartPositionStated,
  TaxRuleStated,
  LayoutStated,
  LayoutFileStated,
  SalesChannelStated,
  OrderStated,
  ShopObjectStated,
  TokenStated,
  DeviceStated,
  DroidKeyStated,
  ImportStarted,
  ImportFinished,
]);

export type OrganizerFact = EventOf<typeof OrganizerStated>['data'];
export type EventFact = EventOf<typeof EventStated>['data'];
export type DateFact = EventOf<typeof DateStated>['data'];
export type CategoryFact = EventOf<typeof CategoryStated>['data'];
export type ItemFact = EventOf<typeof ItemStated>['data'];
export type QuotaFact = EventOf<typeof QuotaStated>['data'];
export type QuestionFact = EventOf<typeof QuestionStated>['data'];
export type ListFact = EventOf<typeof ListStated>['data'];
export type VoucherFact = EventOf<typeof VoucherStated>['data'];
export type WaitingListEntryFact = EventOf<typeof WaitingListEntryStated>['data'];
export type SeatFact = EventOf<typeof SeatStated>['data'];
export type CartPositionFact = EventOf<typeof CartPositionStated>['data'];
export type OrderFact = EventOf<typeof OrderStated>['data'];
export type PositionFact = OrderFact['positions'][number];
export type AnswerFact = z.infer<typeof Answer>;
export type LayoutFact = EventOf<typeof LayoutStated>['data'];
export type LayoutFileFact = EventOf<typeof LayoutFileStated>['data'];
export type ShopObjectFact = EventOf<typeof ShopObjectStated>['data'];
export type TokenFact = EventOf<typeof TokenStated>['data'];
export type DeviceFact = EventOf<typeof DeviceStated>['data'];
export type DroidKeyFact = EventOf<typeof DroidKeyStated>['data'];

export type ReferenceEvent = Parameters<(typeof reference)['write']>[0];

/** The stream of a reference entity: `item-17`, `order-<organizer>/<code>`, `event-<organizer>/<slug>` (design §3). */
export function referenceStream(event: ReferenceEvent): string {
  switch (event.type) {
    case 'OrganizerStated':
      return `organizer-${event.data.organizer}`;
    case 'EventStated':
      return `event-${event.data.organizer}/${event.data.event}`;
    case 'OrderStated':
      return `order-${event.data.organizer}/${event.data.code}`;
    case 'SalesChannelStated':
      return `channel-${event.data.organizer}/${event.data.identifier}`;
    case 'TokenStated':
      return `token-${event.data.id}`;
    case 'DeviceStated':
      return `device-${event.data.organizer}/${event.data.device_id}`;
    case 'ImportStarted':
    case 'ImportFinished':
      return 'imports';
    case 'DateStated':
      return `date-${event.data.id}`;
    case 'CategoryStated':
      return `category-${event.data.id}`;
    case 'ItemStated':
      return `item-${event.data.id}`;
    case 'QuotaStated':
      return `quota-${event.data.id}`;
    case 'QuestionStated':
      return `question-${event.data.id}`;
    case 'ListStated':
      return `list-${event.data.id}`;
    case 'VoucherStated':
      return `voucher-${event.data.id}`;
    case 'WaitingListEntryStated':
      return `waiting-${event.data.id}`;
    case 'SeatStated':
      return `seat-${event.data.id}`;
    case 'CartPositionStated':
      return `cartposition-${event.data.id}`;
    case 'TaxRuleStated':
      return `taxrule-${event.data.id}`;
    case 'LayoutStated':
      return `layout-${event.data.id}`;
    case 'LayoutFileStated':
      return `layoutfile-${event.data.organizer}/${event.data.event}/${event.data.name}`;
    case 'ShopObjectStated':
      return `${event.data.kind}-${event.data.organizer}/${event.data.event}/${event.data.id}`;
    case 'DroidKeyStated':
      return `droidkey-${event.data.id}`;
  }
}
