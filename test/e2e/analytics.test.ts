import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { analyticsOf, type Analytics } from '@gatehouse/test-support/analytics';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startProcess } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';

/* The statements of docs/analytics.md, on scans over HTTP: its own SQL on its own command's output. */

const PROJECT = path.resolve(__dirname, '../..');
/** Scans are uploaded ten minutes after they happened. */
const MINUTE = new Date(Math.floor(Date.now() / 60_000) * 60_000 - 600_000);
const at = (seconds: number): string => new Date(MINUTE.getTime() + seconds * 1_000).toISOString();
/** As DuckDB prints a timestamp. */
const shown = (seconds: number): string => at(seconds).replace('T', ' ').replace('.000Z', '');

let system: System;
let analytics: Analytics;

beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  await system.import(festival());
  await scanAll();
  analytics = await analyticsOf(system.databaseUrl, 'admission');
  await analytics.run('In DuckDB');
});
afterAll(async () => {
  await analytics.close();
  await system.close();
});

async function scanAll(): Promise<void> {
  const scan = async (list: number, ticket: { secret: string } | string, seconds: number) => {
    const secret = typeof ticket === 'string' ? ticket : ticket.secret;
    const { status } = await system.call('POST', `${OPENAIR}checkinlists/${list}/positions/${secret}/redeem/`, {
      token: TOKENS.admin,
      json: { datetime: at(seconds), nonce: `nonce ${seconds}` },
    });
    return status;
  };
  expect([
    await scan(LISTS.main, TICKETS.ada, 1),
    await scan(LISTS.main, TICKETS.ada, 2),
    await scan(LISTS.passes, TICKETS.ada, 3),
    await scan(LISTS.main, TICKETS.pending, 4),
    await scan(LISTS.main, 'nobodysticket', 5),
    await scan(LISTS.passes, TICKETS.adasParking, 6),
    await scan(LISTS.main, TICKETS.adasParking, 61),
    await scan(LISTS.main, TICKETS.friday, 62),
  ]).toEqual([201, 400, 201, 400, 404, 400, 201, 201]);
  const phone = droid(system, 'demo/openair', DROID_KEYS.main);
  const { body } = await phone.redeem({ secret: TICKETS.vip.secret, datetime: at(63) });
  expect(body).toMatchObject({ status: 'ok' });
  // A code without a ticket, repeatedly: twenty events, and one for the other five when this gate stops.
  const gate = await startProcess([checkin], system.databaseUrl);
  for (let n = 0; n < 25; n++) {
    const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/nobodysticket/redeem/`;
    await gate.call('POST', target, { token: TOKENS.admin, json: { datetime: at(64) } });
  }
  await gate.close();
}

describe('the five questions of docs/analytics.md', () => {
  test('entries per minute and list', async () => {
    expect(await analytics.ask('Entries per minute and list')).toEqual([
      { minute: shown(0), name: 'Main gate', entries: '1' },
      { minute: shown(0), name: 'Passes', entries: '1' },
      { minute: shown(60), name: 'Main gate', entries: '3' },
    ]);
  });

  test('refusals by reason', async () => {
    expect(await analytics.ask('Refusals by reason')).toEqual([
      { name: 'Main gate', reason: 'unknown_ticket', refusals: '26', tickets: '0' },
      { name: 'Main gate', reason: 'already_redeemed', refusals: '1', tickets: '1' },
      { name: 'Main gate', reason: 'unpaid', refusals: '1', tickets: '1' },
      { name: 'Passes', reason: 'product', refusals: '1', tickets: '1' },
    ]);
  });

  test('first and last entry', async () => {
    expect(await analytics.ask('First and last entry')).toEqual([
      { name: 'Main gate', first_entry: shown(1), last_entry: shown(63), entries: '4' },
      { name: 'Passes', first_entry: shown(3), last_entry: shown(3), entries: '1' },
    ]);
  });

  test('one ticket tried at two lists', async () => {
    expect(await analytics.ask('One ticket tried at two lists')).toEqual([
      {
        ticket: TICKETS.ada.id,
        tries: ['Main gate: let in', 'Main gate: already_redeemed', 'Passes: let in'],
      },
      { ticket: TICKETS.adasParking.id, tries: ['Passes: product', 'Main gate: let in'] },
    ]);
  });

  test('lag between datetime and time', async () => {
    const types = ['PositionRedeemed', 'RedemptionRefused', 'ScansRepeated'];
    const scans = analytics.lines.filter(({ type }) => types.includes(type as string));
    type Data = { datetime: string; until?: string; count?: number };
    const lagOf = ({ time, data }: Record<string, unknown>) =>
      (Date.parse((data as Data).until ?? (time as string)) - Date.parse((data as Data).datetime)) / 1_000;
    const wanted = [...new Set(scans.map(({ actor }) => actor as string))].sort().map((actor) => {
      const own = scans.filter((each) => each['actor'] === actor);
      const sum = own.reduce((before, { data }) => before + ((data as Data).count ?? 1), 0);
      return { actor, scans: String(sum), longest_s: Math.max(...own.map(lagOf)) };
    });
    expect(wanted).toHaveLength(2);
    const lags = await analytics.ask('Lag between `datetime` and `time`');
    expect(lags.map(({ median_s: _, ...row }) => row)).toEqual(
      wanted.map((row) => ({ ...row, longest_s: expect.closeTo(row.longest_s, 2) as number })),
    );
  });

  test('nothing is missing', async () => {
    expect(await analytics.ask('Is anything missing?')).toEqual([]);
  });
});

describe('what the command prints', () => {
  test('is what its schemas say, event by event', async () => {
    const ajv = addFormats.default(new Ajv({ strict: false }));
    const types = new Set(analytics.lines.map(({ type }) => type as string));
    expect([...types]).toEqual(
      expect.arrayContaining([
        'PositionRedeemed',
        'RedemptionRefused',
        'ScansRepeated',
        'CheckinListCreated',
        'CheckinImported',
      ]),
    );
    for (const { type, version, dataschema, data } of analytics.lines as Record<string, string>[]) {
      const file = path.join(PROJECT, `packages/events/published/${type}.v${version}.json`);
      const schema = JSON.parse(await readFile(file, 'utf8')) as { $id: string };
      const validate = ajv.getSchema(schema.$id) ?? ajv.compile(schema);
      expect({ type, dataschema, valid: validate(data) }).toEqual({ type, dataschema: schema.$id, valid: true });
    }
  });

  test('holds no secret, name or nonce', () => {
    const text = JSON.stringify(analytics.lines);
    for (const hidden of [TICKETS.ada.secret, 'nobodysticket', 'Ada', 'nonce 1', TOKENS.admin, DROID_KEYS.main]) {
      expect(text).not.toContain(hidden);
    }
  });
});
