import { randomInt } from 'node:crypto';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, LISTS, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { differences } from '../races/models';

/*
 * Texts as long as a shop allows, of characters with the longest encoding, which cannot be compressed: an index entry holds
 * 2,704 bytes.
 */

const random = (count: number, from: number, to: number): string =>
  Array.from({ length: count }, () => String.fromCodePoint(randomInt(from, to))).join('');
const cjk = (count: number) => random(count, 0x4e00, 0x9fff);
const emoji = (count: number) => random(count, 0x1f300, 0x1f5ff);
/** One character that becomes three when it is folded. */
const NOTE = '\u{1d160}';

const sharedName = cjk(240);
const long = [
  { id: 7_001, secret: emoji(1_024), name: emoji(255), code: emoji(60), pseudonym: cjk(64) },
  { id: 7_002, secret: cjk(1_024), name: NOTE.repeat(255), code: NOTE.repeat(64), pseudonym: emoji(64) },
  // Equal in more characters than are indexed.
  { id: 7_003, secret: `${cjk(900)}one`, name: `${sharedName} one`, code: 'LONG1', pseudonym: 'L1' },
  { id: 7_004, secret: '', name: `${sharedName} two`, code: 'LONG2', pseudonym: 'L2' },
];
long[3]!.secret = `${long[2]!.secret.slice(0, -3)}two`;

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  const files = festival();
  const orders = files['demo/events/openair/orders.ndjson'] as { code: string; positions: object[] }[];
  const template = orders.find(({ code }) => code === 'INVO1')!;
  await system.import({
    ...files,
    'demo/events/openair/orders.ndjson': [
      ...orders,
      ...long.map(({ id, secret, name, code, pseudonym }) => ({
        ...template,
        code,
        positions: template.positions.map((position) => ({
          ...position,
          id,
          order: code,
          secret,
          pseudonymization_id: pseudonym,
          attendee_name: name,
          attendee_name_parts: { full_name: name, _scheme: 'full' },
        })),
      })),
    ],
  });
});
afterAll(() => system.close());

const ids = async (query: string): Promise<number[]> => {
  const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/?${query}`;
  const { status, body } = await system.call('GET', target, { token: TOKENS.viewer });
  if (status !== 200) throw new Error(String(status));
  return (body as { results: { id: number }[] }).results
    .map(({ id }) => id)
    .filter((id) => id >= 7_001)
    .sort();
};

test.each(long)('ticket $id is found by each of its texts, by all of it or how it begins', async (ticket) => {
  const { id, secret, name, code, pseudonym } = ticket;
  const text = (value: string) => encodeURIComponent(value);
  expect(await ids(`attendee_name=${text(name)}`)).toEqual([id]);
  expect(await ids(`attendee_name=${text(`${name}!`)}`)).toEqual([]);
  expect(await ids(`order=${text(code)}`)).toEqual([id]);
  expect(await ids(`pseudonymization_id=${text(pseudonym)}`)).toEqual([id]);
  expect(await ids(`secret=${text(secret)}`)).toEqual([id]);
  expect(await ids(`search=${text(secret)}`)).toEqual([id]);
  expect(await ids(`search=${text([...secret].slice(0, 300).join(''))}`)).toEqual(
    long.filter((each) => each.secret.startsWith([...secret].slice(0, 300).join(''))).map((each) => each.id),
  );
  expect(await ids(`search=${text(`${[...secret].slice(0, 300).join('')}!`)}`)).toEqual([]);
});

test('an old scanner scans and finds them', async () => {
  const { redeem, get } = droid(system, 'demo/openair', DROID_KEYS.main);
  for (const { secret } of long) {
    expect((await redeem({ secret })).text).toContain('"status": "ok"');
    expect((await get('search/', { query: secret })).text.split('"secret"')).toHaveLength(2);
  }
  await system.settled();
  expect(await differences(system.databaseUrl)).toEqual([]);
});
