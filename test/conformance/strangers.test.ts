import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { connectRaw, type RawConnection } from '@gatehouse/service/testing';
import { DROID_KEYS, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Requests without a valid credential cost little on each path of a scan: the hot one, the ordinary one, the droid's. */

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid, cart, offlineSales]);
  await system.import(festival());
});
afterAll(() => system.close());

const opened: RawConnection[] = [];
afterEach(() => {
  for (const { socket } of opened.splice(0)) socket.destroy();
});

async function open(bytes = ''): Promise<RawConnection> {
  const made = await connectRaw(system.url, bytes);
  opened.push(made);
  return made;
}

const redeem = (ticket: string) => `${OPENAIR}checkinlists/${LISTS.main}/positions/${ticket}/redeem/`;
const DROID = '/pretixdroid/api/demo/openair/redeem/';

type Way = { readonly target: string; readonly headers: string };
const rest = (token: string, more = ''): Way => ({
  target: redeem(TICKETS.ada.secret),
  headers: `Authorization: Token ${token}\r\nContent-Type: application/json\r\n${more}`,
});
const droid = (key: string): Way => ({
  target: `${DROID}?key=${key}`,
  headers: 'Content-Type: application/x-www-form-urlencoded\r\n',
});

const head = ({ target, headers }: Way, framing: string) =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\n${headers}${framing}\r\n\r\n`;

const strangers: [way: string, status: number, way: Way][] = [
  ['hot', 401, rest('wrong')],
  ['hot, without the right', 403, rest(TOKENS.viewer)],
  ['ordinary', 401, rest('wrong', 'X-Idempotency-Key: k\r\n')],
  ['droid', 403, droid('wrong')],
  ['cart', 401, { ...rest('wrong'), target: `${OPENAIR}cartpositions/bulk_create/` }],
  ['cart, without the right', 403, { ...rest(TOKENS.viewer), target: `${OPENAIR}cartpositions/` }],
  ['batch', 401, { ...rest('wrong'), target: `${OPENAIR}offlinesalesbatches/` }],
  ['batch, without the right', 403, { ...rest(TOKENS.viewer), target: `${OPENAIR}offlinesalesbatches/1/render/` }],
  ['upload', 401, { ...rest('wrong'), target: '/api/v1/upload' }],
];

setFlagsFromString('--expose-gc');
/** Frees what nobody refers to, so that only what is kept counts. */
const collectGarbage = runInNewContext('gc') as () => void;

describe.each(strangers)('%s', (_name, status, way) => {
  test('the refusal does not wait for a body that does not come', async () => {
    for (const framing of ['Content-Length: 9', 'Content-Length: 2600000', 'Transfer-Encoding: chunked']) {
      const client = await open(head(way, framing));
      expect(await client.answers(1)).toEqual([status]);
    }
  });

  test('sixty large bodies, all but their ends, are not kept', async () => {
    const most = Buffer.alloc(2_400_000, 32);
    collectGarbage();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 60; i++) {
      const client = await open(head(way, 'Content-Length: 2600000'));
      client.socket.write(most);
      expect(await client.answers(1)).toEqual([status]);
    }
    collectGarbage();
    // They have 144 MB together.
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(70_000_000);
  });
});

test('large bodies of those who may are read', async () => {
  const [text, form] = [
    JSON.stringify({ filler: 'x'.repeat(500_000) }),
    `secret=${TICKETS.vip.secret}&x=${'x'.repeat(500_000)}`,
  ];
  const bodies: [Way, string][] = [
    [rest(TOKENS.admin), text],
    [droid(DROID_KEYS.main), form],
  ];
  for (const [way, body] of bodies) {
    const client = await open(head(way, `Content-Length: ${body.length}`) + body);
    expect((await client.answers(1))[0]).toBeLessThan(300);
    expect(client.received()).toMatch(/"status": ?"ok"/);
  }
});

test('thousands of idle connections from the address of the gates end no scanner, and keep none out', async () => {
  const ways = [rest(TOKENS.admin), droid(DROID_KEYS.main), rest(TOKENS.admin, 'X-Idempotency-Key: other\r\n')];
  const status: Way = { target: `/pretixdroid/api/demo/openair/status/?key=${DROID_KEYS.main}`, headers: '' };
  const sent = [...ways.map((way) => head(way, 'Content-Length: 0')), head(status, 'X: y').replace('POST', 'GET')];
  const scanners = await Promise.all(sent.map((bytes) => open(bytes)));
  for (const scanner of scanners) expect((await scanner.answers(1))[0]).toBeLessThanOrEqual(400);
  const stranger = await open();
  for (let i = 0; i < 2_100; i++) await open();
  await stranger.closed;
  expect(scanners.map((each) => each.isOpen())).toEqual([true, true, true, true]);
  for (const bytes of sent) expect((await (await open(bytes)).answers(1))[0]).toBeLessThanOrEqual(400);
});
