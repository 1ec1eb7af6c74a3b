import { epochMs, parseInstant, type Instant } from '@gatehouse/domain/instant';
import { localize, type I18n } from '@gatehouse/domain/localize';
import { joinName } from '@gatehouse/domain/names';
import { offsetAt } from '@gatehouse/domain/time-zone';
import type { OrderFact, OrganizerFact, PositionFact } from '@gatehouse/events/reference';
import type { Festival } from './festival';

/** What is printed of a ticket, whether the shop sold it or a batch of offline tickets contains it. */
export type PrintedTicket = {
  readonly date: number | null;
  readonly item: number;
  readonly variation: number | null;
  readonly facts: {
    readonly secret: string;
    readonly positionid: number;
    /** At least two decimals, as those of add-ons. */
    readonly price: string;
    /** The ticket's own name parts, and its own name or that of the ticket to which it is an add-on. */
    readonly printed: { readonly name: string | null; readonly parts: Readonly<Record<string, unknown>> };
    readonly seat: PositionFact['seat'];
    /** In the order in which they are printed; canceled ones are left out. */
    readonly addons: readonly { item: number; variation: number | null; price: string; canceled: boolean }[];
    readonly order: {
      readonly code: string;
      readonly locale: string;
      readonly invoice: OrderFact['invoice_address'];
    };
  };
};

/**
 * The texts that badges and tickets print (contract §5.1, `pdf_data`): in the order's language, else the event's, times in
 * the event's zone, `''` for missing values. In a series the date replaces the event.
 */
export function pdfData(
  ticket: PrintedTicket,
  at: { festival: Festival; organizer: OrganizerFact | undefined; now: Instant },
): Record<string, string> {
  const { facts } = ticket;
  const { fact: event, dates, items, categories } = at.festival;
  const { order, seat } = facts;
  const shown = (ticket.date === null ? undefined : dates.get(ticket.date)) ?? event;
  const speech = speechOf(order.locale) ?? speechOf(event.locale) ?? speechOf('en')!;
  const language = hyphened(order.locale);
  const text = (i18n: I18n | null | undefined) => (i18n ? localize(i18n, language, event.locale) : '');

  const item = items.get(ticket.item);
  const category = item && item.category !== null ? categories.get(item.category) : undefined;
  const value = item?.variations.find((variation) => variation.id === ticket.variation)?.value;
  const addons = facts.addons.filter((addon) => !addon.canceled);

  const begin = wallClock(shown.date_from, event.timezone);
  const end = wallClock(shown.date_to, event.timezone);
  const admission = wallClock(shown.date_admission, event.timezone);
  const now = wallClock(at.now, event.timezone);

  return {
    secret: facts.secret,
    order: order.code,
    positionid: String(facts.positionid),
    item: text(item?.name),
    variation: text(value),
    item_description: text(item?.description),
    itemvar: [text(item?.name), text(value)].filter(Boolean).join(' - '),
    item_category: text(category?.name),
    price: money(facts.price, event.currency, speech),
    price_with_addons: money(sum([facts.price, ...addons.map((addon) => addon.price)]), event.currency, speech),
    attendee_name: facts.printed.name ?? '',
    event_name: text(shown.name),
    event_date: begin ? longDate(begin, speech) : '',
    event_date_range: begin ? dateRange(begin, end, speech) : '',
    event_begin: shortDateTime(begin, speech),
    event_begin_date: shortDate(begin, speech),
    event_begin_time: time(begin),
    event_end: shortDateTime(end, speech),
    event_end_date: shortDate(end, speech),
    event_end_time: time(end),
    event_admission: shortDateTime(admission, speech),
    event_admission_time: time(admission),
    event_location: text(shown.location),
    invoice_name: (order.invoice?.name || joinName(order.invoice?.name_parts ?? {}, event.name_scheme)) ?? '',
    invoice_company: order.invoice?.company ?? '',
    addons: addons.map((addon) => addonName(addon)).join('\n'),
    organizer: at.organizer?.name ?? '',
    // Exports do not contain this setting.
    organizer_info_text: '',
    now_date: shortDate(now, speech),
    now_datetime: shortDateTime(now, speech),
    // As in the shop (captures rest-*-pdf-data): layouts show the time of printing only if there is an admission time.
    now_time: admission ? time(now) : '',
    seat: seat?.name ?? '',
    seat_zone: seat?.zone_name ?? '',
    seat_row: seat?.row_name ?? '',
    seat_number: seat?.seat_number ?? '',
    ...nameParts('attendee_name', facts.printed.parts, event.name_scheme),
    ...nameParts('invoice_name', order.invoice?.name_parts ?? {}, event.name_scheme),
  };

  function addonName(addon: { item: number; variation: number | null }): string {
    const sold = items.get(addon.item);
    const variation = sold?.variations.find(({ id }) => id === addon.variation);
    return [sold?.internal_name || text(sold?.name), text(variation?.value)].filter(Boolean).join(' - ');
  }
}

/** The parts of each scheme (contract §2.2). An unknown scheme has none. */
const PARTS = new Map<string, readonly string[]>([
  ['given_family', ['given_name', 'family_name']],
  ['title_given_family', ['title', 'given_name', 'family_name']],
  ['given_middle_family', ['given_name', 'middle_name', 'family_name']],
  ['title_given_middle_family', ['title', 'given_name', 'middle_name', 'family_name']],
  ['family_given', ['family_name', 'given_name']],
  ['family_nospace_given', ['family_name', 'given_name']],
  ['family_comma_given', ['family_name', 'given_name']],
  ['full', ['full_name']],
  ['calling_full', ['calling_name', 'full_name']],
  ['full_transcription', ['full_name', 'latin_transcription']],
  ['salutation_given_family', ['salutation', 'given_name', 'family_name']],
  ['salutation_title_given_family', ['salutation', 'title', 'given_name', 'family_name']],
  ['salutation_title_given_family_degree', ['salutation', 'title', 'given_name', 'family_name', 'degree']],
]);

function nameParts(prefix: string, parts: Readonly<Record<string, unknown>>, scheme: string): Record<string, string> {
  return Object.fromEntries((PARTS.get(scheme) ?? []).map((part) => [`${prefix}_${part}`, textOf(parts[part])]));
}

const textOf = (part: unknown): string =>
  typeof part === 'string' ? part : typeof part === 'number' ? String(part) : '';

/** How a language formats dates and amounts. */
type Speech = {
  readonly tag: string;
  /** Without region or variant: `de` of `de-informal`. */
  readonly language: string;
  readonly long: Intl.DateTimeFormat;
  readonly short: Intl.DateTimeFormat;
  readonly month: Intl.DateTimeFormat;
};

/** One per locale that orders use: they are few, and creating a formatter is a thousand times as expensive as using it. */
const speeches = new Map<string, Speech | undefined>();

/** Undefined for an unknown locale, for which Intl would throw or use the machine's default. */
function speechOf(locale: string): Speech | undefined {
  if (speeches.has(locale)) return speeches.get(locale);
  const tag = knownTag(locale);
  const made = tag === undefined ? undefined : newSpeech(tag);
  speeches.set(locale, made);
  return made;
}

function newSpeech(tag: string): Speech {
  // Wall-clock times are in a Date's UTC fields, so they are formatted as UTC.
  const common = { timeZone: 'UTC', calendar: 'gregory', numberingSystem: 'latn' } as const;
  return {
    tag,
    language: new Intl.Locale(tag).language,
    long: new Intl.DateTimeFormat(tag, { ...common, dateStyle: 'long' }),
    short: new Intl.DateTimeFormat(tag, { ...common, year: 'numeric', month: '2-digit', day: '2-digit' }),
    month: new Intl.DateTimeFormat(tag, { ...common, month: 'long' }),
  };
}

function knownTag(locale: string): string | undefined {
  try {
    return Intl.DateTimeFormat.supportedLocalesOf(hyphened(locale))[0];
  } catch {
    // No valid language tag.
    return undefined;
  }
}

/** Old shops use the form `de_DE`. */
const hyphened = (locale: string): string => locale.replaceAll('_', '-');

/** The wall-clock time in a zone, in the UTC fields of a Date; undefined without a valid instant. */
function wallClock(instant: string | null, timeZone: string): Date | undefined {
  const parsed = instant === null ? undefined : parseInstant(instant);
  if (parsed === undefined) return undefined;
  const ms = epochMs(parsed);
  return new Date(ms + offsetAt(timeZone, ms) * 60_000);
}

/** pretix prints the 24-hour clock in every language that it includes. */
const time = (wall: Date | undefined): string => (wall ? wall.toISOString().slice(11, 16) : '');

function shortDate(wall: Date | undefined, speech: Speech): string {
  if (!wall) return '';
  const [year, month, day] = [wall.getUTCFullYear(), wall.getUTCMonth() + 1, wall.getUTCDate()];
  switch (speech.language) {
    case 'en':
      return wall.toISOString().slice(0, 10);
    case 'nl':
      return `${day}-${month}-${year}`;
    case 'pl':
      return `${two(day)}-${two(month)}-${year}`;
    default:
      return speech.short.format(wall);
  }
}

const two = (n: number): string => String(n).padStart(2, '0');

const shortDateTime = (wall: Date | undefined, speech: Speech): string =>
  wall ? `${shortDate(wall, speech)} ${time(wall)}` : '';

function longDate(wall: Date, speech: Speech): string {
  if (speech.language !== 'en') return speech.long.format(wall);
  return `${englishMonth(wall)} ${wall.getUTCDate()}, ${wall.getUTCFullYear()}`;
}

/** English and German omit the parts that both ends share, as the shop does; other languages print both ends in full. */
function dateRange(begin: Date, end: Date | undefined, speech: Speech): string {
  if (!end) return longDate(begin, speech);
  const sameYear = begin.getUTCFullYear() === end.getUTCFullYear();
  const sameMonth = sameYear && begin.getUTCMonth() === end.getUTCMonth();
  const sameDay = sameMonth && begin.getUTCDate() === end.getUTCDate();
  if (sameYear && speech.language === 'en') {
    const first = `${englishMonth(begin)} ${ordinal(begin.getUTCDate())}`;
    const last = `${ordinal(end.getUTCDate())}, ${end.getUTCFullYear()}`;
    if (sameDay) return `${first}, ${end.getUTCFullYear()}`;
    return sameMonth ? `${first} – ${last}` : `${first} – ${englishMonth(end)} ${last}`;
  }
  if (sameDay) return longDate(begin, speech);
  if (sameYear && speech.language === 'de') {
    const last = longDate(end, speech);
    if (sameMonth) return `${begin.getUTCDate()}.–${last}`;
    return `${begin.getUTCDate()}. ${speech.month.format(begin)} – ${last}`;
  }
  return `${longDate(begin, speech)} – ${longDate(end, speech)}`;
}

/** Short months are printed in full, long ones abbreviated as in newspapers. */
const ENGLISH_MONTHS = 'Jan.,Feb.,March,April,May,June,July,Aug.,Sept.,Oct.,Nov.,Dec.'.split(',');
const englishMonth = (wall: Date): string => ENGLISH_MONTHS[wall.getUTCMonth()]!;

function ordinal(day: number): string {
  if (day >= 11 && day <= 13) return `${day}th`;
  return `${day}${['th', 'st', 'nd', 'rd'][day % 10] ?? 'th'}`;
}

/** The exact sum of amounts, which have at least two decimals. */
function sum(amounts: readonly string[]): string {
  const scale = Math.max(...amounts.map((amount) => amount.length - amount.indexOf('.') - 1));
  const total = amounts.reduce((so, amount) => {
    const [whole = '', fraction = ''] = amount.split('.');
    return so + BigInt(whole + fraction.padEnd(scale, '0'));
  }, 0n);
  const digits = String(total < 0n ? -total : total).padStart(scale + 1, '0');
  return `${total < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** By locale and currency; undefined for a currency that Intl does not accept. */
const moneyFormats = new Map<string, Intl.NumberFormat | undefined>();

function money(amount: string, currency: string, speech: Speech): string {
  const key = `${speech.tag} ${currency}`;
  if (!moneyFormats.has(key)) moneyFormats.set(key, newMoneyFormat(speech.tag, currency));
  // Intl formats the text digit by digit: no amount is converted to a float.
  return moneyFormats.get(key)?.format(amount as `${number}`) ?? `${currency} ${amount}`.trim();
}

function newMoneyFormat(tag: string, currency: string): Intl.NumberFormat | undefined {
  try {
    return new Intl.NumberFormat(tag, { style: 'currency', currency, numberingSystem: 'latn' });
  } catch {
    return undefined;
  }
}

// The first formatters of a process take tens of milliseconds, in which no scan would be answered: now nobody waits yet.
speechOf('en');
newMoneyFormat('en', 'EUR');
