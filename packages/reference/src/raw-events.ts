import { z } from 'zod';
import type { EventScope } from './known';
import { json, LIMITS, text } from './limits';
import {
  Code,
  Coordinate,
  filled,
  Flag,
  FlagOn,
  I18n,
  Id,
  Identifier,
  Identifiers,
  JsonObject,
  MaybeCode,
  MaybeI18nLong,
  MaybeId,
  MaybeMoment,
  Moment,
  Name,
  NameOrEmpty,
  or,
  Place,
  reader,
  type Stated,
} from './raw';

/* Organizers, events, dates, categories, tax rules, layouts, channels and seating plans, in the format of pretix's API. */

/** The slug of an organizer or event, which is part of paths. */
export const Slug = filled(text(LIMITS.slug)).refine(
  (slug) => !/[/\\\p{Cc}]|^\.{1,2}$/u.test(slug),
  'is no slug: it may not hold a slash or control characters',
);

/** `organizer.json`; of a name in several languages only one is kept, preferably English. */
export const readOrganizer = reader(z.object({ slug: Slug, name: I18n }), (raw): Stated<'OrganizerStated'> => ({
  organizer: raw.slug,
  name: raw.name.en ?? Object.values(raw.name)[0] ?? raw.slug,
}));

/** A setting may have the form in which pretix stores it: text. */
const Switch = z
  .union([z.boolean(), Code, z.number()])
  .nullish()
  .transform((value) => (value === undefined || value === null ? undefined : /^(true|1|on|yes)$/i.test(String(value))));
const MOST_QUANTITY = 1e9;
const Quantity = z
  .union([z.number(), Code])
  .nullish()
  .transform((value, context) => {
    if (value === undefined || value === null || value === '') return undefined;
    const number = Number(value);
    if (number >= 0 && number <= MOST_QUANTITY) return number;
    context.addIssue({ code: 'custom', message: `is no number from 0 to ${MOST_QUANTITY}` });
    return z.NEVER;
  });

const Zone = Code.refine(isTimeZone, 'is no time zone');

function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

const Settings = z.object({
  locale: MaybeCode,
  locales: or(z.array(Code), null),
  timezone: or(Zone, null),
  name_scheme: MaybeCode,
  ticket_download: Switch,
  ticket_download_pending: Switch,
  ticket_download_addons: Switch,
  ticket_download_nonadm: Switch,
  reservation_time: Quantity,
  seating_minimal_distance: Quantity,
  seating_distance_within_row: Switch,
  seating_allow_blocked_seats_for_channel: Identifiers,
});

/** `settings.json`; missing settings are undefined. */
export const readSettings = reader(Settings, (raw) => raw);
/** The settings of an event that an import reads. */
export type Settings = z.output<typeof Settings>;

/** The settings of an event whose export has none. */
export const noSettings: Settings = Settings.parse({});

const Event = z.object({
  slug: or(Slug, null),
  name: I18n,
  has_subevents: Flag,
  date_from: MaybeMoment,
  date_to: MaybeMoment,
  date_admission: MaybeMoment,
  location: MaybeI18nLong,
  currency: or(Code, 'EUR'),
  timezone: or(Zone, null),
  public_url: or(text(LIMITS.link), null),
  seat_category_mapping: JsonObject,
  seating_plan: MaybeId,
});

/** An event's fact, and the seating plan to which its seats refer. */
export type EventReading = Stated<'EventStated'> & { readonly seatingPlan: number | null };

/** An event with its settings. The slug is that of `event.json`, or else the folder's name. */
export const readEvent = reader(
  Event,
  (raw, scope: { organizer: string; folder: string; settings: Settings }, findings): EventReading => {
    const { settings } = scope;
    if (raw.slug === null && !Slug.safeParse(scope.folder).success) {
      findings.issue('slug', "is missing, and the folder's name is no slug");
    }
    const locale = settings.locale ?? 'en';
    return {
      organizer: scope.organizer,
      event: raw.slug ?? scope.folder,
      name: raw.name,
      has_subevents: raw.has_subevents,
      date_from: raw.date_from,
      date_to: raw.date_to,
      date_admission: raw.date_admission,
      location: raw.location,
      currency: raw.currency,
      timezone: raw.timezone ?? settings.timezone ?? 'UTC',
      locale,
      locales: settings.locales ?? [locale],
      name_scheme: settings.name_scheme ?? 'full',
      public_url: raw.public_url,
      seat_category_mapping: raw.seat_category_mapping,
      settings: {
        ticket_download: settings.ticket_download ?? false,
        ticket_download_pending: settings.ticket_download_pending ?? false,
        ticket_download_addons: settings.ticket_download_addons ?? false,
        ticket_download_nonadm: settings.ticket_download_nonadm ?? true,
        reservation_time: Math.trunc(settings.reservation_time ?? 30),
        seating_minimal_distance: settings.seating_minimal_distance ?? 0,
        seating_distance_within_row: settings.seating_distance_within_row ?? false,
        seating_allow_blocked_seats_for_channel: settings.seating_allow_blocked_seats_for_channel,
      },
      seatingPlan: raw.seating_plan,
    };
  },
);

const DateOfSeries = z.object({
  id: Id,
  name: I18n,
  active: FlagOn,
  date_from: Moment,
  date_to: MaybeMoment,
  date_admission: MaybeMoment,
  location: MaybeI18nLong,
  seat_category_mapping: JsonObject,
  seating_plan: MaybeId,
});

/** A date's fact, and the seating plan to which its seats refer. */
export type DateReading = Stated<'DateStated'> & { readonly seatingPlan: number | null };

/** A date of `subevents.json`. */
export const readDate = reader(DateOfSeries, (raw, { organizer, event }: EventScope): DateReading => {
  const { seating_plan: seatingPlan, ...date } = raw;
  return { organizer, event, ...date, seatingPlan };
});

/** A product category of `categories.json`. */
export const readCategory = reader(
  z.object({ id: Id, name: I18n, position: Place }),
  (raw, { organizer, event }: EventScope): Stated<'CategoryStated'> => ({ organizer, event, ...raw }),
);

const Assignment = z.object({ item: Id, sales_channel: or(filled(Identifier), 'web') });

/** A layout of `ticketlayouts.json`, stored unchanged. */
export const readLayout = reader(
  z.object({
    id: Id,
    name: NameOrEmpty,
    default: Flag,
    layout: json().optional(),
    background: or(text(LIMITS.link), null),
    item_assignments: or(z.array(Assignment), []),
  }),
  (raw, { organizer, event }: EventScope): Stated<'LayoutStated'> => ({
    organizer,
    event,
    ...raw,
    layout: raw.layout ?? null,
  }),
);

/** A channel of `saleschannels.json`. */
export const readChannel = reader(
  z.object({ identifier: filled(Identifier), label: or(I18n, {}) }),
  (raw, { organizer }: { organizer: string }): Stated<'SalesChannelStated'> => ({ organizer, ...raw }),
);

const Spot = or(z.object({ x: or(Coordinate, 0), y: or(Coordinate, 0) }), { x: 0, y: 0 });
const Layout = z.object({
  zones: or(
    z.array(
      z.object({
        position: Spot,
        rows: or(
          z.array(z.object({ position: Spot, seats: or(z.array(z.object({ seat_guid: Name, position: Spot })), []) })),
          [],
        ),
      }),
    ),
    [],
  ),
});

/** A seating plan: zone, row and seat positions added up, ranked in the order of the layout. */
export const readPlan = reader(z.object({ id: Id, layout: z.preprocess(fromText, Layout) }), (raw) => {
  const seats = new Map<string, { x: number; y: number; rank: number }>();
  let rank = 0;
  for (const zone of raw.layout.zones) {
    for (const row of zone.rows) {
      for (const seat of row.seats) {
        const x = zone.position.x + row.position.x + seat.position.x;
        const y = zone.position.y + row.position.y + seat.position.y;
        seats.set(seat.seat_guid, { x, y, rank: rank++ });
      }
    }
  }
  return { id: raw.id, seats };
});

/** Some pretix versions send the layout as text. */
function fromText(layout: unknown): unknown {
  if (typeof layout !== 'string') return layout;
  try {
    return JSON.parse(layout);
  } catch {
    return layout;
  }
}
