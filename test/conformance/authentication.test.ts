import { connect } from 'node:net';
import { checkin } from '@gatehouse/checkin/service';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { captures } from '@gatehouse/test-support/captures';
import { DEVICES, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';

const captured38 = captures('3.8');
const captured = captures('4.13');
const lists = `${OPENAIR}checkinlists/`;

let system: System;

beforeAll(async () => {
  system = await startSystem([checkin, offlineSales]);
  await system.import(festival());
});
afterAll(() => system.close());

/** Every kind of route: list, object, and both paths of redeem. */
const requests: [method: string, target: string][] = [
  ['GET', lists],
  ['POST', lists],
  ['DELETE', `${lists}${LISTS.main}/`],
  ['GET', `${lists}${LISTS.main}/status/`],
  ['GET', `${lists}${LISTS.main}/positions/`],
  ['GET', `${lists}${LISTS.main}/positions/${TICKETS.ada.id}/`],
  ['POST', `${lists}${LISTS.main}/positions/${TICKETS.ada.secret}/redeem/`],
  ['GET', `${OPENAIR}offlinesalesbatches/`],
  ['GET', `${OPENAIR}offlinesalesbatches/check/29891ede-196f-4942-9e26-d055a36e98b8/`],
  ['POST', `${OPENAIR}offlinesalesbatches/1/render/`],
  ['GET', '/api/v1/'],
];

const { admin } = TOKENS;
const refusals: [authorization: string | undefined, detail: string][] = [
  [undefined, 'Authentication credentials were not provided.'],
  ['', 'Authentication credentials were not provided.'],
  ['Basic abc', 'Authentication credentials were not provided.'],
  ['Bearer abc', 'Authentication credentials were not provided.'],
  [admin, 'Authentication credentials were not provided.'],
  ['Token', 'Invalid token header. No credentials provided.'],
  ['Token ', 'Invalid token header. No credentials provided.'],
  ['Device', 'Invalid token header. No credentials provided.'],
  [`Token ${admin} more`, 'Invalid token header. Token string should not contain spaces.'],
  ['Device a b c', 'Invalid token header. Token string should not contain spaces.'],
  ['Token \u00ff\u00fe', 'Invalid token header. Token string should not contain invalid characters.'],
  ['Token nobody', 'Invalid token.'],
  ['Device nobody', 'Invalid token.'],
  [`Token ${admin.toUpperCase()}`, 'Invalid token.'],
  [`Token ${admin}0`, 'Invalid token.'],
  [`Device ${admin}`, 'Invalid token.'],
  [`Token ${DEVICES.gate}`, 'Invalid token.'],
  [`Token ${TOKENS.inactive}`, 'Token inactive or deleted.'],
  [`Device ${DEVICES.fresh}`, 'Device has not been initialized.'],
  [`Device ${DEVICES.revoked}`, 'Device access has been revoked.'],
];

describe('contract §1.2 401', () => {
  test.each(refusals)('Authorization: %s → %s', async (authorization, detail) => {
    const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
    for (const [method, target] of requests) {
      const answer = await system.call(method, target, { headers });
      expect(answer).toMatchObject({ status: 401, body: { detail }, headers: { 'www-authenticate': 'Token' } });
    }
  });

  test('the texts are those of the reference', () => {
    const details = new Set(refusals.map(([, detail]) => detail));
    const names = [
      'rest-basic-auth',
      'rest-token-no-value',
      'rest-token-spaces',
      'rest-bad-token',
      'rest-device-unknown',
    ];
    const references = [
      ...[...names, 'rest-inactive-token', 'rest-device-revoked'].map(captured38),
      ...['cart-list-no-auth', 'cart-list-inactive-token', 'cart-list-revoked-device'].map(captured),
    ];
    for (const { response, body } of references) {
      expect(response.headers['WWW-Authenticate']).toBe('Token');
      expect(details).toContain((body as { detail: string }).detail);
    }
  });

  test('comes before permission, method, objects and body', async () => {
    for (const [method, target] of [
      ['GET', '/api/v1/organizers/nobody/events/none/checkinlists/'],
      ['PUT', lists],
      ['TRACE', lists],
      ['OPTIONS', lists],
      ['GET', `${lists}99999/`],
    ] as const) {
      expect(await system.call(method, target)).toMatchObject({ status: 401 });
    }
    expect(await system.call('POST', lists, { body: '{', headers: { 'content-type': 'text/plain' } })).toMatchObject({
      status: 401,
    });
  });

  test('a repeated header is no way in', async () => {
    // Node's own client cannot send it: by hand.
    const { hostname, port } = new URL(system.url);
    const head = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname);
      let text = '';
      socket.on('data', (bytes) => (text += bytes.toString()));
      socket.on('end', () => resolve(text));
      socket.on('error', reject);
      socket.write(
        `GET ${lists} HTTP/1.1\r\nHost: x\r\nAuthorization: Token nobody\r\nAuthorization: Token ${admin}\r\nConnection: close\r\n\r\n`,
      );
    });
    expect(head).toMatch(/^HTTP\/1\.1 401 /);
  });
});

describe('contract §1.2 the door opens', () => {
  test.each([
    [`Token ${admin}`],
    [`token ${admin}`],
    [`TOKEN   ${admin}`],
    [`Token ${TOKENS.newAdmin}`],
    [`Device ${DEVICES.gate}`],
    [`dEVICE ${DEVICES.gate}`],
  ])('to %s', async (authorization) => {
    expect(await system.call('GET', lists, { headers: { authorization } })).toMatchObject({ status: 200 });
    expect(await system.call('GET', '/api/v1/', { headers: { authorization } })).toMatchObject({ status: 200 });
  });

  test('and closes when an import says so', async () => {
    const files = festival();
    const devices = files['demo/devices.json'] as object[];
    const teams = files['demo/teams.json'] as { tokens: { token: string; active: boolean }[] }[];
    const [gate, ...others] = devices;
    await system.import({
      ...files,
      'demo/devices.json': [{ ...gate, revoked: true }, ...others],
      'demo/teams.json': teams.map((team) => ({
        ...team,
        tokens: team.tokens.map((each) => ({ ...each, active: each.active && each.token !== TOKENS.viewer })),
      })),
    });
    expect(await system.call('GET', lists, { headers: { authorization: `Device ${DEVICES.gate}` } })).toMatchObject({
      status: 401,
      body: { detail: 'Device access has been revoked.' },
    });
    expect(await system.call('GET', lists, { token: TOKENS.viewer })).toMatchObject({
      status: 401,
      body: { detail: 'Token inactive or deleted.' },
    });
    await system.import(files);
    expect(await system.call('GET', lists, { token: TOKENS.viewer })).toMatchObject({ status: 200 });
  });
});

test('import.md §3: secrets are stored as hashes only', async () => {
  const secrets = [...Object.values(TOKENS), ...Object.values(DEVICES)];
  const { rows } = await system.pool.query<{ text: string }>(
    `select string_agg(data::text, '') as text from reference.events
     union all select string_agg(fact::text || coalesce(hash, ''), '') from credentials`,
  );
  expect(rows).toHaveLength(2);
  for (const { text } of rows) {
    expect(text.length).toBeGreaterThan(1_000);
    for (const secret of secrets) expect(text).not.toContain(secret);
  }
});
