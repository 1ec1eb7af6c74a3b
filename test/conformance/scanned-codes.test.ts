import { randomUUID } from 'node:crypto';
import { checkin } from '@gatehouse/checkin/service';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { droid } from '@gatehouse/test-support/droid';
import { DROID_KEYS, festival, ITEMS, LISTS, OPENAIR, order, position, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { summaries, type ScanBody } from './scans';

/* What scanners send for a printed code, and the ticket that it finds: contract §5.3, §7 and the decisions at its head. */

const SECRETS = {
  plain: 'code-plain',
  plusAndSpace: 'VIP+1 Anna',
  space: 'VIP 2 Anna',
  slash: '/Kx9',
  slashes: '//Kx9',
  inner: 'a//b',
  endsInSlash: 'Kx9/',
  redeem: 'redeem',
  alsoRedeem: 'x/redeem',
  umlaut: 'Zürich',
  blanks: ' padded ',
  padded: 'padded',
  lineEnd: 'typed',
  spacedTyped: 'two words',
  /** `plain`'s id with a leading zero. */
  zero: '060000',
  /** `plain`'s id. */
  id: '60000',
} as const;
const FIRST = 60_000;
const IDS = Object.fromEntries(Object.keys(SECRETS).map((name, i) => [name, FIRST + i])) as Record<
  keyof typeof SECRETS,
  number
>;

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin, legacyDroid]);
  const files = festival();
  const name = 'demo/events/openair/orders.ndjson';
  const orders = Object.entries(SECRETS).map(([each, secret]) => {
    const id = IDS[each as keyof typeof SECRETS];
    return order(`C${id}`, {}, [position({ id, secret }, { item: ITEMS.pass })]);
  });
  await system.import({ ...files, [name]: [...(files[name] as unknown[]), ...orders] });
});
afterAll(() => system.close());

const positions = `${OPENAIR}checkinlists/${LISTS.main}/positions/`;

type Sent = { readonly query?: string; readonly key?: boolean; readonly json?: unknown; readonly token?: string };

async function redeem(code: string, sent: Sent = {}) {
  const { query = '', key = false, json = { force: true }, token = TOKENS.admin } = sent;
  const before = (await system.events()).length;
  const headers: Record<string, string> = key ? { 'x-idempotency-key': randomUUID() } : {};
  const { status, body } = await system.call('POST', `${positions}${code}/redeem/${query}`, {
    token,
    json,
    headers,
  });
  return { status, body: body as ScanBody, events: (await system.events()).slice(before) };
}
const shown = ({ status, body }: { status: number; body: unknown }) =>
  status < 300 ? ((body as ScanBody).position?.id ?? (body as { id: number }).id) : status;

/** The ticket that a code finds on every route. */
async function named(code: string, query = '') {
  return [
    shown(await system.call('GET', `${positions}${code}/${query}`, { token: TOKENS.admin })),
    shown(await redeem(code, { query })),
    shown(await redeem(code, { query, key: true })),
    shown(await redeem(code, { query: `${query || '?'}&item=${ITEMS.pass}` })),
  ];
}

test.each<[what: string, code: string, ticket: keyof typeof SECRETS | 404]>([
  ['as it is', 'code-plain', 'plain'],
  ['every letter escaped', '%63%6f%64%65-plain', 'plain'],
  ['form-encoded', 'VIP%2B1+Anna', 'plusAndSpace'],
  ['percent-encoded', 'VIP%2B1%20Anna', 'plusAndSpace'],
  ['the space as a plus', 'VIP+2+Anna', 'space'],
  ['the space as a plus, encoded once more', 'VIP%2B2%2BAnna', 'space'],
  ['neither', 'VIP+3+Anna', 404],
  ['a slash in front', '/Kx9', 'slash'],
  ['a slash in front, encoded', '%2FKx9', 'slash'],
  ['two slashes in front', '//Kx9', 'slashes'],
  ['two slashes inside', 'a//b', 'inner'],
  ['two slashes inside, encoded', 'a%2F%2fb', 'inner'],
  ['a slash at the end', 'Kx9/', 'endsInSlash'],
  ['a slash at the end, encoded', 'Kx9%2F', 'endsInSlash'],
  ['letters beyond ASCII', 'Z%C3%BCrich', 'umlaut'],
  ['blanks that belong to it', '%20padded%20', 'blanks'],
  ['blanks that do not', '%20%20padded', 'padded'],
  ['with the line end of a wedge scanner', 'typed%0D%0A', 'lineEnd'],
  ['with a tab', 'typed%09', 'lineEnd'],
  ['with a line end, its space as a plus', 'two+words%0D%0A', 'spacedTyped'],
  ['nothing but a line end', '%0D%0A', 404],
  ['an id', String(IDS.plain), 'plain'],
  ['digits that no id has', '0060000', 404],
  ['digits behind a zero: a secret', SECRETS.zero, 'zero'],
  ['an id with a line end behind it is none', `${IDS.plain}%0D%0A`, 'id'],
  ['an id behind a plus is none', `+${IDS.plain}`, 'id'],
  ['an id behind a zero is none', `0${IDS.space}`, 404],
])('%s', async (_what, code, ticket) => {
  const expected = ticket === 404 ? 404 : IDS[ticket];
  expect(await named(code)).toEqual([expected, expected, expected, expected]);
});

test('a secret that ends as the route does', async () => {
  expect(shown(await redeem('redeem'))).toBe(IDS.redeem);
  expect(shown(await redeem('x/redeem', { key: true }))).toBe(IDS.alsoRedeem);
});

test('no code at all is no route', async () => {
  expect(await system.call('GET', `${positions}/`, { token: TOKENS.admin })).toMatchObject({ status: 404, text: /^</ });
});

describe('untrusted_input: what was scanned is no id', () => {
  test.each(['?untrusted_input=true', '?untrusted_input=1', '?untrusted_input=True', '?x=1&untrusted_input=yes'])(
    '%s',
    async (query) => {
      expect(await named(String(IDS.space), query)).toEqual([404, 404, 404, 404]);
      expect(await named(SECRETS.space.replaceAll(' ', '%20'), query)).toEqual(Array(4).fill(IDS.space));
      // A number that is one ticket's secret and another one's id is the secret.
      expect(await named(SECRETS.id, query)).toEqual(Array(4).fill(IDS.id));
    },
  );
  test.each(['?untrusted_input=', '?untrusted_input=false', '?untrusted_input=0'])('not with %s', async (query) => {
    expect(await named(String(IDS.space), query)).toEqual(Array(4).fill(IDS.space));
  });
  test('the refusal is recorded as that of an unknown ticket', async () => {
    // By another credential: of many equal refusals of one credential only the first are events of their own.
    const { status, events } = await redeem(String(IDS.space), {
      query: '?untrusted_input=true',
      json: {},
      token: TOKENS.newAdmin,
    });
    expect([status, summaries(events)]).toEqual([404, ['refused: unknown_ticket']]);
  });
  test('nobody is told of a NUL in it before the credential is looked at', async () => {
    const answer = await system.call('POST', `${positions}1/redeem/?untrusted_input=%00`, { json: {} });
    expect(answer.status).toBe(401);
  });
});

describe('what newer scanners say in the body', () => {
  test.each<[unknown]>([['Exit'], ['Entry'], [''], [0], [false], [['entry']], [{}]])(
    'type %j is neither entry nor exit: 400, and nothing is recorded',
    async (type) => {
      for (const key of [false, true]) {
        const { status, body, events } = await redeem(SECRETS.plain, { key, json: { type, force: true } });
        expect({ status, body, events }).toEqual({ status: 400, body: ['Invalid check-in type.'], events: [] });
        const unknown = await redeem('nosuchcode', { key, json: { type } });
        expect([unknown.status, unknown.events]).toEqual([404, []]);
      }
    },
  );
  test('nor in a form', async () => {
    const answer = await system.call('POST', `${positions}${SECRETS.plain}/redeem/`, {
      token: TOKENS.admin,
      body: 'type=exits&force=true',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
    });
    expect(answer).toMatchObject({ status: 400, body: ['Invalid check-in type.'] });
  });
  test.each<[unknown]>([['entry'], [null]])('type %j is one', async (type) => {
    expect((await redeem(SECRETS.plain, { json: { type, force: true } })).status).toBe(201);
  });
  test('the number of a chip is no id, but may be a secret', async () => {
    const chip = { json: { source_type: 'nfc_uid', force: true } };
    expect((await redeem(String(IDS.space), chip)).status).toBe(404);
    expect((await redeem('VIP%202%20Anna', chip)).status).toBe(201);
    expect((await redeem(String(IDS.space), { json: { source_type: 'barcode', force: true } })).status).toBe(201);
  });
});

describe('the droid API', () => {
  const scan = async (secret: string) => {
    const { body } = await droid(system, 'demo/openair', DROID_KEYS.main).redeem({ secret, force: 'true' });
    return (body as { data?: { secret: string } }).data?.secret;
  };
  test.each([
    [`${SECRETS.lineEnd}\r\n`, SECRETS.lineEnd],
    [`\t${SECRETS.space} \n`, SECRETS.space],
    [SECRETS.blanks, SECRETS.blanks],
    [`${SECRETS.blanks}\r`, SECRETS.padded],
    [SECRETS.plusAndSpace, SECRETS.plusAndSpace],
    [String(IDS.space), undefined],
    ['VIP+2+Anna', undefined],
  ])('%j is %j', async (sent, secret) => {
    expect(await scan(sent)).toBe(secret);
  });

  test('decodes its path as the REST API does', async () => {
    const status = (path: string) => system.call('GET', `/pretixdroid/api/${path}?key=${DROID_KEYS.main}`);
    expect(await status('demo/openair/status/')).toMatchObject({ status: 200 });
    expect(await status('d%65mo/open%61ir/st%61tus/anything/')).toMatchObject({ status: 200 });
    expect(await status('demo%2Fopenair/status/')).toMatchObject({ status: 404 });
    expect(await status('demo//openair/status/')).toMatchObject({ status: 404 });
  });
});
