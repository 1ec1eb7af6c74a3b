import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ExportFolder } from './testing';

const LETTERS = 'ABCDEFGHJKLMNPQRSTUVWXYZ3789';

/** Writes a generated export with this many positions, two per order, with all fields that pretix sends. */
export function writeFestival(folder: ExportFolder, positions: number): void {
  folder.write('organizer.json', { slug: 'big', name: 'Big' });
  folder.write('events/fest/event.json', { slug: 'fest', name: { en: 'Fest' }, timezone: 'Europe/Berlin' });
  folder.write('events/fest/items.json', [{ id: 1, name: { en: 'Pass' }, admission: true, default_price: '149.00' }]);
  folder.write('events/fest/checkinlists.json', [{ id: 1, name: 'Gate' }]);
  folder.write('events/fest/questions.json', [{ id: 1, question: { en: 'Meal?' }, type: 'S', items: [1] }]);
  const file = openSync(join(folder.path, 'events/fest/orders.ndjson'), 'w');
  let lines = '';
  for (let first = 0; first < positions; first += 2) {
    const code = codeOf(first / 2);
    const order = orderOf(
      code,
      [first, first + 1].filter((n) => n < positions).map((n) => positionOf(code, n, first)),
    );
    lines += `${JSON.stringify(order)}\n`;
    if (lines.length < 1_000_000) continue;
    writeSync(file, lines);
    lines = '';
  }
  writeSync(file, lines);
  closeSync(file);
}

function codeOf(n: number): string {
  let code = '';
  for (let rest = n, i = 0; i < 5; i++, rest = Math.floor(rest / LETTERS.length))
    code += LETTERS[rest % LETTERS.length];
  return code;
}

const SECRET_LETTERS = 'abcdefghjklmnpqrstuvwxyz23456789';

/** Like pretix's secrets: 32 random letters, which do not compress. */
const secretOf = (n: number): string =>
  Array.from(createHash('sha256').update(`ticket ${n}`).digest(), (byte) => SECRET_LETTERS[byte % 32]).join('');

function orderOf(code: string, positions: readonly object[]): object {
  return {
    code,
    event: 'fest',
    status: 'p',
    testmode: false,
    secret: 'jwjg9kkywapi7kts',
    email: `guest-${code}@example.org`,
    locale: 'de',
    datetime: '2026-06-24T04:32:22.876725+02:00',
    expires: '2026-12-07T23:59:59+01:00',
    payment_provider: 'manual',
    fees: [],
    total: '298.00',
    invoice_address: null,
    positions,
    downloads: [
      {
        output: 'pdf',
        url: `https://pretix.example.org/api/v1/organizers/big/events/fest/orders/${code}/download/pdf/`,
      },
    ],
    checkin_attention: false,
    last_modified: '2026-11-21T02:58:22.879017+01:00',
    payments: [
      { local_id: 1, state: 'confirmed', amount: '298.00', created: '2026-06-24T04:32:22.876725+02:00', details: {} },
    ],
    refunds: [],
    require_approval: false,
    sales_channel: 'web',
    url: `https://pretix.example.org/big/fest/order/${code}/jwjg9kkywapi7kts/`,
    valid_if_pending: false,
  };
}

function positionOf(order: string, n: number, first: number): object {
  return {
    id: n + 1,
    order,
    positionid: n - first + 1,
    item: 1,
    variation: null,
    price: '149.00',
    attendee_name: `Øystein Sample ${n}`,
    attendee_name_parts: { _scheme: 'given_family', given_name: 'Øystein', family_name: `Sample ${n}` },
    company: null,
    street: null,
    zipcode: null,
    city: null,
    country: null,
    discount: null,
    attendee_email: `guest${n}@example.org`,
    voucher: null,
    tax_rate: '19.00',
    tax_value: '23.79',
    secret: secretOf(n),
    addon_to: null,
    subevent: null,
    checkins:
      n % 4 === 0
        ? [
            {
              id: n + 1,
              datetime: '2026-11-20T14:45:30+01:00',
              list: 1,
              auto_checked_in: false,
              gate: null,
              type: 'entry',
            },
          ]
        : [],
    print_logs: [],
    downloads: [
      {
        output: 'pdf',
        url: `https://pretix.example.org/api/v1/organizers/big/events/fest/orderpositions/${n}/download/pdf/`,
      },
    ],
    answers: [{ question: 1, answer: 'Vegan', question_identifier: 'MEAL', options: [], option_identifiers: [] }],
    tax_rule: null,
    pseudonymization_id: 'YCFDMZPWL7',
    seat: null,
    canceled: false,
    valid_from: null,
    valid_until: null,
    blocked: null,
    plugin_data: {},
  };
}
