import { checkin } from '@gatehouse/checkin/service';
import { TOKENS, festival, order, position, type OrderFields } from '@gatehouse/test-support/festival';
import { startSystem, type ExportFiles, type System } from '@gatehouse/test-support/system';

/* The parts of a position that depend on its event's settings: names (contract §2.2) and downloads (contract §5.1). */

const TICKET = 80_001;
const SHIRT = 80_002;
const ALWAYS = 80_003;
const NEVER = 80_004;

/** Small events with different settings; ids of items are unique across them, since an item belongs to one event. */
const events: { slug: string; list: number; files: ExportFiles }[] = [];
let lastId = 81_000;

type Wanted = { readonly item?: number; readonly order?: OrderFields; readonly addonOf?: number } & Readonly<
  Record<string, unknown>
>;

function small(slug: string, settings: object, wanted: readonly Wanted[]): number[] {
  const offset = events.length * 10;
  const list = 80_500 + events.length;
  const ids = wanted.map(() => ++lastId);
  const item = (id: number, more: object) => ({ id: id + offset, name: { en: 'Item' }, active: true, ...more });
  const orders = new Map<string, { fields: OrderFields; positions: ReturnType<typeof position>[] }>();
  wanted.forEach(({ item: wantedItem = TICKET, order: fields = {}, addonOf, ...more }, i) => {
    const code = `S${addonOf === undefined ? ids[i]! : ids[addonOf]!}`;
    const ticket = { id: ids[i]!, secret: `shown${ids[i]}` };
    const addon_to = addonOf === undefined ? null : ids[addonOf]!;
    const content = position(ticket, { item: wantedItem + offset, addon_to, ...more });
    const known = orders.get(code);
    if (known) known.positions.push(content);
    else orders.set(code, { fields, positions: [content] });
  });
  const folder = `demo/events/${slug}`;
  events.push({
    slug,
    list,
    files: {
      [`${folder}/event.json`]: { slug, name: { en: slug }, has_subevents: false, currency: 'EUR' },
      [`${folder}/settings.json`]: settings,
      [`${folder}/items.json`]: [
        item(TICKET, { admission: true }),
        item(SHIRT, { admission: false }),
        item(ALWAYS, { admission: false, generate_tickets: true }),
        item(NEVER, { admission: true, generate_tickets: false }),
      ],
      [`${folder}/checkinlists.json`]: [{ id: list, name: 'All', all_products: true, include_pending: true }],
      [`${folder}/orders.ndjson`]: [...orders].map(([code, { fields, positions }]) => order(code, fields, positions)),
    },
  });
  return ids;
}

let system: System;
const shown = async (slug: string, id: number): Promise<Record<string, unknown>> => {
  const { list } = events.find((each) => each.slug === slug)!;
  const target = `/api/v1/organizers/demo/events/${slug}/checkinlists/${list}/positions/${id}/?ignore_status=true`;
  const { status, body } = await system.call('GET', target, { token: TOKENS.viewer });
  expect(status).toBe(200);
  return body as Record<string, unknown>;
};

// --- names

const ALL_PARTS = {
  salutation: 'Ms',
  title: 'Dr',
  given_name: 'Ada',
  middle_name: 'King',
  family_name: 'Lovelace',
  degree: 'FRS',
  full_name: 'Ada K. Lovelace',
  calling_name: 'Ada',
  latin_transcription: 'Ada',
};
/** contract §2.2, row by row: with all parts, and with the given (or the full) name only. */
const SCHEMES: readonly [scheme: string, all: string, one: string][] = [
  ['given_family', 'Ada Lovelace', 'Ada'],
  ['title_given_family', 'Dr Ada Lovelace', 'Ada'],
  ['given_middle_family', 'Ada King Lovelace', 'Ada'],
  ['title_given_middle_family', 'Dr Ada King Lovelace', 'Ada'],
  ['family_given', 'Lovelace Ada', 'Ada'],
  ['family_nospace_given', 'LovelaceAda', 'Ada'],
  ['family_comma_given', 'Lovelace, Ada', 'Ada'],
  ['full', 'Ada K. Lovelace', 'Ada K.'],
  ['calling_full', 'Ada K. Lovelace', 'Ada K.'],
  ['full_transcription', 'Ada K. Lovelace', 'Ada K.'],
  ['salutation_given_family', 'Ada Lovelace', 'Ada'],
  ['salutation_title_given_family', 'Dr Ada Lovelace', 'Ada'],
  ['salutation_title_given_family_degree', 'Dr Ada Lovelace, FRS', 'Ada'],
];
const ONE_PART = { given_name: 'Ada', full_name: 'Ada K.' };
const bySchemeOfTheTicket = small(
  'schemes',
  { name_scheme: 'full' },
  SCHEMES.flatMap(([scheme]) => [
    { attendee_name_parts: { ...ALL_PARTS, _scheme: scheme } },
    { attendee_name_parts: { ...ONE_PART, _scheme: scheme } },
  ]),
);
const bySchemeOfTheEvent = SCHEMES.map(([scheme]) => {
  const slug = `names-${scheme.replaceAll('_', '-')}`;
  return { slug, id: small(slug, { name_scheme: scheme }, [{ attendee_name_parts: ALL_PARTS }])[0]! };
});
const invoice = (name: string, name_parts: object) => ({ invoice_address: { name, name_parts, company: '' } });
const ADA = { given_name: 'Ada', family_name: 'Lovelace' };
const fallbacks = small('fallbacks', { name_scheme: 'given_family' }, [
  // 0: an order with everything, whose add-on (1) has a name, (2) has none.
  { attendee_name_parts: ADA, order: invoice('Ivo Invoice', { given_name: 'Ivo', family_name: 'Invoice' }) },
  { attendee_name_parts: { given_name: 'Grace', family_name: 'Hopper' }, addonOf: 0 },
  { addonOf: 0 },
  // 3: only the invoice has a name, so its add-on (4) shows it, too.
  { order: invoice('', { given_name: 'Ivo', family_name: 'Invoice' }) },
  { addonOf: 3 },
  // 5: parts that make no name count as none.
  { attendee_name_parts: { given_name: '' }, order: invoice('Ivo Invoice', { _legacy: 'Ivo Invoice' }) },
  // 6: an invoice without a name; 7: no invoice at all; 8: no invoice, parts that make no name.
  { order: invoice('', {}) },
  {},
  { attendee_name_parts: { given_name: '' } },
  // 9: a flat name, as old versions have it.
  { attendee_name: 'Only Flat', attendee_name_parts: {} },
  { attendee_name: 'Legacy', attendee_name_parts: { _legacy: 'Legacy' } },
]);

// --- downloads

const everyKind: readonly Wanted[] = [
  { item: TICKET },
  { item: SHIRT },
  { item: ALWAYS },
  { item: NEVER },
  { item: TICKET, addonOf: 0 },
  { item: ALWAYS, addonOf: 0 },
  { item: TICKET, order: { status: 'n' } },
  { item: TICKET, order: { status: 'n', require_approval: true } },
  { item: TICKET, order: { status: 'e' } },
  { item: TICKET, order: { status: 'c' } },
];
const KINDS = [
  'a ticket',
  'a product that is no admission',
  'a product that always has one',
  'a product that never has one',
  'an add-on',
  'an add-on that always has one',
  'of a pending order',
  'of a pending order that waits for approval',
  'of an expired order',
  'of a canceled order',
];
const DOWNLOADS: readonly [slug: string, settings: object, downloadable: readonly number[]][] = [
  ['download-unsaid', {}, []],
  ['download-off', { ticket_download: false, ticket_download_pending: true, ticket_download_addons: true }, []],
  ['download-on', { ticket_download: true }, [0, 1, 2, 5]],
  ['download-adm', { ticket_download: true, ticket_download_nonadm: false }, [0, 2, 5]],
  ['download-addons', { ticket_download: true, ticket_download_addons: true }, [0, 1, 2, 4, 5]],
  ['download-pending', { ticket_download: true, ticket_download_pending: true }, [0, 1, 2, 5, 6]],
  ['download-text', { ticket_download: 'True', ticket_download_nonadm: 'False' }, [0, 2, 5]],
];
const downloads = DOWNLOADS.map(([slug, settings, downloadable]) => ({
  slug,
  downloadable,
  ids: small(slug, settings, everyKind),
}));

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(Object.assign({ ...festival() }, ...events.map((each) => each.files)) as ExportFiles);
});
afterAll(() => system.close());

describe('§2.2: attendee names', () => {
  test.each(SCHEMES.map((row, i) => [...row, i] as const))(
    '%s, named by the ticket: %s, and %s',
    async (scheme, all, one, i) => {
      expect(await shown('schemes', bySchemeOfTheTicket[2 * i]!)).toMatchObject({
        attendee_name: all,
        attendee_name_parts: { ...ALL_PARTS, _scheme: scheme },
      });
      expect(await shown('schemes', bySchemeOfTheTicket[2 * i + 1]!)).toMatchObject({
        attendee_name: one,
        attendee_name_parts: { ...ONE_PART, _scheme: scheme },
      });
    },
  );
  test.each(SCHEMES.map((row, i) => [...row, i] as const))('%s, of the event: %s', async (_scheme, all, _one, i) => {
    const { slug, id } = bySchemeOfTheEvent[i]!;
    const position = await shown(slug, id);
    expect(position['attendee_name']).toBe(all);
    // Names in the scheme are not added to the parts.
    expect(position['attendee_name_parts']).toEqual(ALL_PARTS);
  });

  const IVO = { given_name: 'Ivo', family_name: 'Invoice' };
  test.each<[string, string | null, object]>(
    [
      ['the own name', 'Ada Lovelace', ADA],
      ['the own name of an add-on', 'Grace Hopper', { given_name: 'Grace', family_name: 'Hopper' }],
      ["the parent's of an add-on without one", 'Ada Lovelace', ADA],
      ["the invoice's", 'Ivo Invoice', IVO],
      ["the invoice's, of an add-on whose parent has none", 'Ivo Invoice', IVO],
      ["the invoice's, instead of parts that make no name", 'Ivo Invoice', { _legacy: 'Ivo Invoice' }],
      ['the empty text of an invoice without a name', '', {}],
      ['null without an invoice', null, {}],
      ['the empty text that its own parts make, without an invoice', '', { given_name: '' }],
      ['a flat name, which is stored as legacy', 'Only Flat', { _legacy: 'Only Flat' }],
      ['a legacy name', 'Legacy', { _legacy: 'Legacy' }],
    ].map((row, i) => [...row, i] as never),
  )('%s', async (_name, attendee_name, parts, i?: number) => {
    const position = await shown('fallbacks', fallbacks[i!]!);
    expect({ name: position['attendee_name'], parts: position['attendee_name_parts'] }).toEqual({
      name: attendee_name,
      parts,
    });
  });
});

describe('§5.1: downloads', () => {
  test.each(downloads)('$slug', async ({ slug, ids, downloadable }) => {
    const found: string[] = [];
    for (const [i, id] of ids.entries()) {
      const { downloads } = await shown(slug, id);
      if ((downloads as unknown[]).length === 0) continue;
      found.push(KINDS[i]!);
      const url = `${system.url}/api/v1/organizers/demo/events/${slug}/orderpositions/${id}/download/pdf/`;
      expect(downloads).toEqual([{ output: 'pdf', url }]);
    }
    expect(found).toEqual(downloadable.map((i) => KINDS[i]));
  });
  test('links have the scheme and the host of the request', async () => {
    const { slug, ids } = downloads[2]!;
    const { list } = events.find((each) => each.slug === slug)!;
    const target = `/api/v1/organizers/demo/events/${slug}/checkinlists/${list}/positions/${ids[0]}/`;
    const { body } = await system.call('GET', target, { token: TOKENS.viewer, headers: { host: 'gate.example:8000' } });
    expect(body).toMatchObject({
      downloads: [{ url: expect.stringMatching(/^http:\/\/gate\.example:8000\/api\/v1\//) as unknown }],
    });
  });
});
