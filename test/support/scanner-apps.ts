import { flag, i18n, instant, listOf, object, oneOf, optional, pageOf, sent, text, whole } from './decoder';
import type { ScannerApp } from './scanner-app';

/*
 * The apps that scan over REST, each with the requests that it sends, in its order, and with what it insists on in the replies
 * (clients.md §2, §3, §7): `r1` is libpretixsync of January 2020, `r2` that of July 2026 (in pretixSCAN for Android, Desktop, Proxy),
 * `psi` pretixSCAN for iOS.
 */

const okhttp = {
  'content-type': 'application/json; charset=utf-8',
  'accept-encoding': 'gzip',
  'user-agent': 'okhttp/4.12.0',
};
const isSettled = (status: number, body?: Readonly<Record<string, unknown>>): boolean =>
  body?.['status'] === 'ok' || (status === 400 && body?.['reason'] === 'already_redeemed');

const device = { api_token: text, organizer: text, device_id: whole, unique_serial: text };
const checkin = { list: whole, datetime: instant };
const option = object({ id: whole, identifier: text, position: whole, answer: i18n });
const question = {
  ...{ id: whole, type: text, question: i18n, required: flag, position: whole, options: listOf(option) },
};
const redeemed = object({
  status: oneOf('ok', 'incomplete', 'error'),
  reason: optional(text),
  require_attention: optional(flag),
  position: optional(object({ item: whole, order: text, checkins: listOf(object(checkin)), answers: listOf(sent) })),
  questions: optional(listOf(object(question))),
});
const found = pageOf(
  object({
    ...{ item: whole, variation: sent, attendee_name: sent, order: text, positionid: whole, secret: text },
    ...{ checkins: listOf(object(checkin)), order__status: oneOf('n', 'p', 'e', 'c'), require_attention: flag },
  }),
);
const counts = { position_count: whole, checkin_count: whole };
const status = {
  ...counts,
  event: object({ name: text }),
  items: listOf(
    object({
      ...{ id: whole, name: text, admission: flag, ...counts },
      variations: listOf(object({ id: whole, value: text, ...counts })),
    }),
  ),
};
const list = { id: whole, name: text, limit_products: listOf(whole), include_pending: flag, subevent: sent };
const order = {
  ...{ code: text, status: text, datetime: instant },
  positions: listOf(
    object({ id: whole, positionid: whole, item: whole, secret: text, checkins: listOf(object(checkin)) }),
  ),
};
const event = { slug: text, name: i18n, date_from: instant, live: flag };
const named = object({ id: whole, name: i18n });
const badges = pageOf(object({ id: whole }));

const r1: ScannerApp = {
  name: 'libpretixsync of January 2020',
  software: {
    hardware_brand: 'Zebra',
    hardware_model: 'TC25',
    software_brand: 'pretixSCAN',
    software_version: '1.3.0',
  },
  headers: okhttp,
  knowsExits: false,
  events: 'events/?ends_after=2026-11-20T12:00:00Z&ordering=date_from',
  asksVersion: false,
  sync: (slug) => [
    { path: `events/${slug}/`, shape: object(event) },
    { path: `events/${slug}/categories/`, shape: pageOf(named) },
    { path: `events/${slug}/items/`, shape: pageOf(named) },
    { path: `events/${slug}/questions/`, shape: pageOf(object({ ...question, items: listOf(whole) })) },
    { path: `events/${slug}/badgelayouts/`, shape: badges },
    { path: `events/${slug}/checkinlists/`, shape: pageOf(object({ ...list, ...counts })) },
    {
      path: `events/${slug}/orders/`,
      shape: pageOf(object(order)),
      query: 'pdf_data=true&testmode=false',
      since: { query: 'ordering=-last_modified&modified_since=', from: 'x-page-generated' },
    },
    { path: `events/${slug}/badgeitems/`, shape: badges },
  ],
  // Unencoded, but for what cannot stand in a path at all.
  redeemPath: (id, secret) =>
    `checkinlists/${id}/positions/${secret.replaceAll(' ', '%20').replaceAll('?', '%3F')}/redeem/?pdf_data=true`,
  redeemBody: ({ nonce, answers = {}, datetime }) => ({
    ...{ force: datetime !== undefined, ignore_unpaid: false, answers },
    ...{ questions_supported: true, canceled_supported: true },
    // Online it sends none. Its times have minutes.
    ...(datetime ? { nonce, datetime: `${datetime.toISOString().slice(0, 16)}Z` } : {}),
  }),
  search: (words) => `positions/?ignore_status=true&page=1&search=${encodeURIComponent(words).replaceAll('%20', '+')}`,
  shapes: {
    ...{ initialized: object(device), event: object(event), redeemed, found, status: object(status) },
  },
  leavesQueue: isSettled,
};

const r2: ScannerApp = {
  ...r1,
  name: 'libpretixsync of July 2026',
  software: {
    ...{ hardware_brand: 'Zebra', hardware_model: 'TC26', os_name: 'Android', os_version: '14' },
    ...{ software_brand: 'pretixSCAN', software_version: '2.29.1' },
  },
  headers: { ...okhttp, 'accept-language': 'de' },
  knowsExits: true,
  events: 'events/?ends_after=2026-11-20T12%3A00%3A00.000Z&ordering=date_from',
  asksVersion: true,
  sync: (slug) => [
    { path: 'subevents/', shape: pageOf(object({ id: whole, event: text, name: i18n })) },
    { path: `events/${slug}/`, shape: object({ ...event, has_subevents: flag, timezone: text }) },
    { path: `events/${slug}/categories/`, shape: pageOf(named) },
    { path: `events/${slug}/items/`, shape: pageOf(named) },
    { path: `events/${slug}/questions/`, shape: pageOf(object({ ...question, items: listOf(whole) })) },
    { path: `events/${slug}/badgelayouts/`, shape: badges },
    { path: `events/${slug}/badgeitems/`, shape: badges },
    {
      path: `events/${slug}/checkinlists/`,
      query: 'exclude=checkin_count&exclude=position_count',
      shape: pageOf(object(list)),
    },
    {
      path: `events/${slug}/revokedsecrets/`,
      shape: pageOf(object({ id: whole, secret: text, created: instant })),
      since: { query: 'ordering=-created&created_since=', from: 'created' },
    },
    {
      path: `events/${slug}/blockedsecrets/`,
      shape: pageOf(object({ id: whole, secret: text, updated: instant, blocked: flag })),
      since: { query: 'ordering=-updated&updated_since=', from: 'updated' },
    },
    {
      path: `events/${slug}/orders/`,
      shape: pageOf(object(order)),
      query:
        'testmode=false&exclude=downloads&exclude=payment_date&exclude=payment_provider&exclude=fees&exclude=positions.downloads&pdf_data=true',
      since: { query: 'ordering=-last_modified&modified_since=', from: 'x-page-generated' },
    },
    { path: 'reusablemedia/', shape: pageOf(object({ id: whole })) },
    { path: `events/${slug}/settings/`, shape: object({}) },
  ],
  redeemPath: (id, secret) => `checkinlists/${id}/positions/${encodeURIComponent(secret)}/redeem/?pdf_data=true`,
  redeemBody: ({ nonce, answers = {}, type = 'entry', datetime }) => ({
    ...{ force: datetime !== undefined, ignore_unpaid: false, nonce, type, source_type: 'barcode', answers },
    ...{ questions_supported: datetime === undefined, canceled_supported: true, use_order_locale: false },
    ...(datetime ? { datetime: `${datetime.toISOString().slice(0, 19)}Z` } : {}),
  }),
  // Whatever was refused, too, is never sent again.
  leavesQueue: (code, body) => body !== undefined && ([400, 404].includes(code) || isSettled(code, body)),
};

/* The names of fields without which a decoder of the iOS app throws. */
const price = text;
const strictCheckin = object({ ...checkin, type: oneOf('entry', 'exit') });
const strictPosition = {
  ...{ id: whole, order: text, positionid: whole, item: whole, price, secret: text, pseudonymization_id: text },
  ...{
    variation: optional(whole),
    attendee_name: optional(text),
    attendee_email: optional(text),
    subevent: optional(whole),
  },
  ...{ addon_to: optional(whole), checkins: listOf(strictCheckin) },
  answers: optional(listOf(object({ question: whole, answer: text, options: listOf(whole) }))),
  seat: optional(object({ name: text })),
};
const strictQuestion = object({
  ...{ ...question, items: listOf(whole), identifier: text, ask_during_checkin: flag, hidden: flag },
  ...{ dependency_question: optional(whole), dependency_value: optional(text) },
});
const strictVariation = object({
  ...{ id: whole, value: i18n, price, default_price: optional(price), active: flag, position: whole },
});
const strictItem = object({
  ...{ id: whole, name: i18n, default_price: price, active: flag, free_price: flag, tax_rate: text, admission: flag },
  ...{ position: whole, sales_channels: listOf(text), require_voucher: flag, hide_without_voucher: flag },
  ...{ allow_cancel: flag, checkin_attention: flag, require_approval: flag, require_bundling: flag },
  ...{
    has_variations: flag,
    variations: listOf(strictVariation),
    category: optional(whole),
    tax_rule: optional(whole),
  },
  addons: listOf(object({ addon_category: whole, position: whole, price_included: flag })),
  bundles: listOf(object({ bundled_item: whole, count: whole, designated_price: price })),
});
const strictEvent = object({
  ...{ name: i18n, slug: text, has_subevents: flag, timezone: text },
  date_from: optional(instant),
});
const strictList = object({
  ...{ ...list, all_products: flag, ...counts, allow_entry_after_exit: flag, allow_multiple_entries: flag },
});
const modified = { query: 'ordering=-last_modified&modified_since=', from: 'x-page-generated' } as const;

const psi: ScannerApp = {
  ...r2,
  name: 'pretixSCAN for iOS',
  software: {
    ...{ hardware_brand: 'Apple', hardware_model: 'iPhone14,5', os_name: 'iOS', os_version: '17.5' },
    ...{ software_brand: 'pretixSCAN iOS', software_version: '1.19.0' },
  },
  headers: {
    ...{ 'content-type': 'application/json', accept: '*/*', 'accept-encoding': 'gzip, deflate' },
    ...{ 'accept-language': 'en-GB,en;q=0.9', 'user-agent': 'pretixSCAN/1 CFNetwork/1496 Darwin/23.5.0' },
  },
  events: 'events/?page=1&ordering=date_from',
  sync: (slug) => [
    { path: `events/${slug}/`, shape: strictEvent },
    { path: `events/${slug}/categories/`, query: 'page=1', shape: pageOf(named), since: modified },
    { path: `events/${slug}/items/`, query: 'page=1', shape: pageOf(strictItem), since: modified },
    {
      path: `events/${slug}/subevents/`,
      query: 'page=1',
      shape: pageOf(
        object({ ...{ id: whole, name: i18n, event: text, active: flag, is_public: flag }, date_from: instant }),
      ),
      since: modified,
    },
    { path: `events/${slug}/questions/`, query: 'page=1', shape: pageOf(strictQuestion), since: modified },
    { path: `events/${slug}/checkinlists/`, query: 'page=1', shape: pageOf(strictList), since: modified },
    {
      path: `events/${slug}/orders/`,
      query: 'page=1',
      shape: pageOf(object({ ...order, secret: text, positions: listOf(object(strictPosition)) })),
      since: modified,
    },
    { path: `events/${slug}/revokedsecrets/`, query: 'page=1', shape: pageOf(object({ id: whole, secret: text })) },
    { path: `events/${slug}/blockedsecrets/`, query: 'page=1', shape: pageOf(object({ id: whole, blocked: flag })) },
  ],
  redeemPath: (id, secret) => `checkinlists/${id}/positions/${encodeURIComponent(secret)}/redeem/`,
  redeemBody: ({ nonce, answers = {}, type = 'entry', datetime }) => ({
    ...{ force: datetime !== undefined, ignore_unpaid: false, nonce, type, answers, source_type: 'barcode' },
    ...{ questions_supported: datetime === undefined, canceled_supported: true },
    ...(datetime ? { datetime: datetime.toISOString() } : {}),
  }),
  search: (words) => `positions/?search=${encodeURIComponent(words)}&ignore_status=true&page=1`,
  shapes: {
    initialized: object({ ...device, name: text }),
    event: strictEvent,
    redeemed: object({
      status: oneOf('ok', 'incomplete', 'error'),
      // An enum: another word is an error of the decoder.
      reason: optional(
        oneOf(
          ...[
            'unpaid',
            'canceled',
            'already_redeemed',
            'product',
            'rules',
            'revoked',
            'invalid',
            'ambiguous',
            'blocked',
          ],
          'invalid_time',
        ),
      ),
      require_attention: optional(flag),
      position: optional(object(strictPosition)),
      questions: optional(listOf(strictQuestion)),
    }),
    found: pageOf(object({ ...strictPosition, order__status: optional(oneOf('n', 'p', 'e', 'c')) })),
    status: object({ ...status, inside_count: whole }),
  },
  leavesQueue: isSettled,
};

export const SCANNER_APPS: readonly ScannerApp[] = [r1, r2, psi];
