import { checkin } from '@gatehouse/checkin/service';
import { captures } from '@gatehouse/test-support/captures';
import {
  CROWD,
  DATES,
  DEVICES,
  FAIR,
  festival,
  ITEMS,
  LISTS,
  NO_QUESTION,
  OPENAIR,
  TICKETS,
  TOKENS,
  TOURS,
} from '@gatehouse/test-support/festival';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';
import type { Answer } from '@gatehouse/service/testing';

const captured = captures('3.8');
const token = TOKENS.admin;
const lists = `${OPENAIR}checkinlists/`;
const tourLists = `${TOURS}checkinlists/`;

type List = {
  id: number;
  name: string;
  all_products: boolean;
  limit_products: number[];
  subevent: number | null;
  checkin_count: number;
  position_count: number;
  include_pending: boolean;
  auto_checkin_sales_channels: string[];
};
type Page = { count: number; results: List[] };

let system: System;
let replica: Process;

beforeAll(async () => {
  system = await startSystem([checkin]);
  await system.import(festival());
  replica = await startProcess([checkin], system.databaseUrl);
});
afterAll(async () => {
  await replica.close();
  await system.close();
});

const get = (target: string) => system.call('GET', target, { token });
const post = (json: unknown, target = lists) => system.call('POST', target, { token, json });
const put = (id: number, json: unknown) => system.call('PUT', `${lists}${id}/`, { token, json });
const patch = (id: number, json: unknown) => system.call('PATCH', `${lists}${id}/`, { token, json });

/** A new list of openair, from the reply to its creation. */
async function created(fields: object = {}, target = lists): Promise<List> {
  const answer = await post({ name: 'Made here', ...fields }, target);
  expect(answer.status).toBe(201);
  return answer.body as List;
}

const namesOf = ({ body }: Answer) => (body as Page).results.map(({ name }) => name);

describe('contract §4.1 the resource', () => {
  test('has the keys of the reference, in their order', async () => {
    const [list] = ((await get(lists)).body as Page).results;
    const [reference] = (captured('rest-lists').body as Page).results;
    expect(Object.keys(list!)).toEqual(Object.keys(reference!));
  });

  test('stands in a list as it stands alone', async () => {
    const { results } = (await get(lists)).body as Page;
    for (const list of results) expect((await get(`${lists}${list.id}/`)).body).toEqual(list);
  });

  test('is what was imported', async () => {
    expect((await get(`${lists}${LISTS.merchandise}/`)).body).toEqual({
      id: LISTS.merchandise,
      name: 'Merchandise',
      all_products: false,
      limit_products: [ITEMS.shirt, ITEMS.parking],
      subevent: null,
      checkin_count: 0,
      position_count: 3,
      include_pending: true,
      auto_checkin_sales_channels: [],
    });
  });
});

describe('contract §4.2 GET checkinlists/', () => {
  test('lists of the event only, by name', async () => {
    const elsewhere = await system.call('GET', `${FAIR}checkinlists/`, { token: TOKENS.other });
    expect(namesOf(elsewhere)).toEqual(['Fair gate']);
    const names = namesOf(await get(lists)).filter((name) => name !== 'Made here');
    expect(names).toEqual(['Auto', 'Box office', 'Main gate', 'Merchandise', 'Passes']);
  });

  test('by the start of their date first; those without a date come last', async () => {
    expect(namesOf(await get(tourLists))).toEqual(['Morning', 'Evening', 'Any date']);
  });

  test('names sort by their folded code points', async () => {
    const target = `${CROWD}checkinlists/`;
    const made = await Promise.all(
      ['a', 'B', 'ä', 'Z', '😀', 'ﬀ'].map((name) => created({ name: `~${name}` }, target)),
    );
    const sorted = namesOf(await get(`${target}?page=last`)).filter((name) => name.startsWith('~'));
    expect(sorted).toEqual(['~a', '~B', '~ﬀ', '~Z', '~ä', '~😀']);
    for (const { id } of made) await system.call('DELETE', `${target}${id}/`, { token });
  });

  test('there is no parameter to order them', async () => {
    expect(namesOf(await get(`${tourLists}?ordering=name`))).toEqual(['Morning', 'Evening', 'Any date']);
  });

  test('filtered by date', async () => {
    expect(namesOf(await get(`${tourLists}?subevent=${DATES.morning}`))).toEqual(['Morning']);
    expect(namesOf(await get(`${tourLists}?subevent=${DATES.night}`))).toEqual([]);
    expect(namesOf(await get(`${tourLists}?subevent=`))).toHaveLength(3);
    // A date of another event exists, but matches nothing.
    expect(namesOf(await get(`${lists}?subevent=${DATES.morning}`))).toEqual([]);
  });

  test.each(['abc', '99999', '-1', '1.5', '9223372036854775808', '1'.repeat(60)])(
    'subevent=%s is a 400',
    async (subevent) => {
      const reference = captured('rest-lists-filter-subevent-text').body;
      expect(await get(`${tourLists}?subevent=${subevent}`)).toMatchObject({ status: 400, body: reference });
    },
  );

  test('unknown parameters are ignored', async () => {
    expect((await get(`${lists}?foo=%00&name=x&id=1`)).body).toEqual((await get(lists)).body);
  });
});

describe('contract §4.2 POST checkinlists/', () => {
  test('row 20: 201 with the resource, from 1,000,000,000 upwards', async () => {
    const fields = {
      name: 'Everything said',
      all_products: false,
      limit_products: [ITEMS.pass, ITEMS.day],
      subevent: null,
      include_pending: true,
      auto_checkin_sales_channels: ['web', 'pretixpos'],
    };
    const answer = await post(fields);
    expect(answer).toMatchObject({ status: 201, body: { ...fields, checkin_count: 0 } });
    const { id } = answer.body as List;
    expect(id).toBeGreaterThanOrEqual(1_000_000_000);
    expect(id).toBeLessThan(2 ** 31);
    expect((await get(`${lists}${id}/`)).body).toEqual(answer.body);
  });

  test('only the name is required; row 21: no products are none', async () => {
    expect(await post({ name: 'Minimal' })).toMatchObject({
      status: 201,
      body: {
        name: 'Minimal',
        all_products: true,
        limit_products: [],
        subevent: null,
        include_pending: false,
        auto_checkin_sales_channels: [],
      },
    });
  });

  test('counts are those of its tickets at once', async () => {
    const list = await created({ include_pending: true });
    const { body } = await get(`${lists}${LISTS.pending}/`);
    expect(list.position_count).toBe((body as List).position_count);
  });

  test('what is read-only or unknown is ignored', async () => {
    const list = await created({ id: 4711, checkin_count: 7, position_count: 8, foo: { bar: 1 }, constructor: 1 });
    expect(list).toMatchObject({ checkin_count: 0 });
    expect(list.id).not.toBe(4711);
    expect(list.position_count).not.toBe(8);
  });

  test('products are kept beside all_products, each once', async () => {
    expect(await created({ all_products: true, limit_products: [ITEMS.pass] })).toMatchObject({
      all_products: true,
      limit_products: [ITEMS.pass],
    });
    expect(await created({ limit_products: [ITEMS.pass, ITEMS.pass, String(ITEMS.day)] })).toMatchObject({
      limit_products: [ITEMS.pass, ITEMS.day],
    });
  });

  test('of a series, for one of its dates', async () => {
    expect(await created({ subevent: DATES.night }, tourLists)).toMatchObject({ subevent: DATES.night });
    expect(await created({ subevent: String(DATES.night) }, tourLists)).toMatchObject({ subevent: DATES.night });
  });

  test('many at once get ids of their own', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => created({ name: `At once ${i}` })));
    expect(new Set(made.map(({ id }) => id)).size).toBe(20);
  });
});

describe('contract §4.2 one list', () => {
  const elsewhere: [string, string][] = [
    ['unknown', `${lists}99999/`],
    ['of another event', `${lists}${LISTS.morning}/`],
    ['of another organizer', `${lists}${LISTS.fair}/`],
    ['no number', `${lists}abc/`],
    ['a fraction', `${lists}1.5/`],
    ['negative', `${lists}-1/`],
    ['beyond 2^31', `${lists}2147483648/`],
    ['beyond 2^63', `${lists}9223372036854775808/`],
    ['of 400 digits', `${lists}${'9'.repeat(400)}/`],
    ['with a NUL', `${lists}%00/`],
    ['a full-width digit', `${lists}%EF%BC%95%EF%BC%90%EF%BC%91/`],
    ['__proto__', `${lists}__proto__/`],
  ];
  test.each(elsewhere)('%s: 404 for every method', async (_what, target) => {
    const reference = captured('rest-list-unknown').body;
    for (const method of ['GET', 'PUT', 'PATCH', 'DELETE']) {
      expect(await system.call(method, target, { token, json: { name: 'x' } })).toMatchObject({
        status: 404,
        body: reference,
      });
    }
    expect(await get(`${target}status/`)).toMatchObject({ status: 404, body: reference });
  });

  test('row 8: the singular path of the documentation is no route', async () => {
    expect(await system.call('DELETE', `${OPENAIR}checkinlist/${LISTS.main}/`, { token })).toMatchObject({
      status: 404,
      text: expect.stringMatching(/^</),
    });
  });

  test('GET shows the same list in another process after every reply', async () => {
    const list = await created({ name: 'Seen by all' });
    const there = () => replica.call('GET', `${lists}${list.id}/`, { token });
    expect((await there()).body).toEqual(list);
    for (let i = 0; i < 5; i++) {
      const changed = await patch(list.id, { name: `Seen ${i}` });
      expect((await there()).body).toEqual(changed.body);
    }
    await system.call('DELETE', `${lists}${list.id}/`, { token });
    expect(await there()).toMatchObject({ status: 404 });
  });
});

describe('contract §4.2 PUT and PATCH', () => {
  const full = {
    name: 'Full',
    all_products: false,
    limit_products: [ITEMS.pass],
    include_pending: true,
    auto_checkin_sales_channels: ['web'],
  };

  test('row 9: PUT resets what is omitted to its default', async () => {
    const { id } = await created(full);
    expect(await put(id, { name: 'Put' })).toMatchObject({
      status: 200,
      body: {
        id,
        name: 'Put',
        all_products: true,
        limit_products: [],
        subevent: null,
        include_pending: false,
        auto_checkin_sales_channels: [],
      },
    });
    expect(await put(id, full)).toMatchObject({ status: 200, body: full });
  });

  test('PUT needs the name, and of a series the date', async () => {
    const { id } = await created(full);
    expect(await put(id, {})).toMatchObject({ status: 400, body: captured('rest-list-put-empty').body });
    expect((await get(`${lists}${id}/`)).body).toMatchObject(full);
    expect(await system.call('PUT', `${tourLists}${LISTS.morning}/`, { token, json: { name: 'x' } })).toMatchObject({
      status: 400,
      body: captured('rest-list-create-series-without-subevent-with-products').body,
    });
  });

  test('PATCH keeps what is omitted', async () => {
    const { id } = await created(full);
    expect(await patch(id, { name: 'Renamed' })).toMatchObject({ status: 200, body: { ...full, name: 'Renamed' } });
    expect(await patch(id, { include_pending: false })).toMatchObject({
      status: 200,
      body: { name: 'Renamed', include_pending: false },
    });
    expect(await patch(id, {})).toMatchObject({
      status: 200,
      body: { ...full, name: 'Renamed', include_pending: false },
    });
    expect(await patch(id, { id: 4711, position_count: 5 })).toMatchObject({ status: 200, body: { id } });
  });

  test('a change that changes nothing writes nothing', async () => {
    const { id } = await created(full);
    const before = await system.events();
    await patch(id, full);
    await put(id, full);
    expect(await system.events()).toEqual(before);
  });

  test('simultaneous PATCHes of different fields all count', async () => {
    const { id } = await created();
    const changes = [
      { name: 'Together' },
      { include_pending: true },
      { all_products: false },
      { limit_products: [ITEMS.vip] },
    ];
    const answers = await Promise.all(
      changes.map((json, i) => (i % 2 ? replica : system).call('PATCH', `${lists}${id}/`, { token, json })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect((await get(`${lists}${id}/`)).body).toMatchObject(Object.assign({}, ...changes));
  });

  test('a PATCH is checked as a whole with what is stored', async () => {
    expect(await system.call('PATCH', `${tourLists}${LISTS.dateless}/`, { token, json: { name: 'x' } })).toMatchObject({
      status: 400,
      body: { non_field_errors: ['Subevent cannot be null for event series.'] },
    });
  });

  test('changing products or date touches no check-in', async () => {
    const { id } = await created();
    const redeem = await system.call('POST', `${lists}${id}/positions/${TICKETS.vip.id}/redeem/`, { token });
    expect(redeem.status).toBe(201);
    expect((await patch(id, { all_products: false, limit_products: [ITEMS.day] })).body).toMatchObject({
      checkin_count: 0,
      position_count: 2,
    });
    expect((await patch(id, { limit_products: [ITEMS.vip] })).body).toMatchObject({
      checkin_count: 1,
      position_count: 1,
    });
  });
});

describe('contract §4.2 DELETE', () => {
  test('204 without a body, then 404', async () => {
    const { id } = await created();
    expect(await system.call('DELETE', `${lists}${id}/`, { token })).toMatchObject({ status: 204, text: '' });
    const reference = captured('rest-list-delete-again');
    expect(await system.call('DELETE', `${lists}${id}/`, { token })).toMatchObject({
      status: 404,
      body: reference.body,
    });
    expect(await patch(id, { name: 'x' })).toMatchObject({ status: 404 });
    expect(await system.call('POST', `${lists}${id}/positions/${TICKETS.vip.id}/redeem/`, { token })).toMatchObject({
      status: 404,
    });
  });

  test('row 7: its check-ins go with it, those of other lists stay', async () => {
    const [gone, stays] = [await created(), await created()];
    for (const { id } of [gone, stays]) {
      const redeem = await system.call('POST', `${lists}${id}/positions/${TICKETS.vip.id}/redeem/`, { token });
      expect(redeem.status).toBe(201);
    }
    expect(await system.call('DELETE', `${lists}${gone.id}/`, { token })).toMatchObject({ status: 204 });
    const redeemAgain = (id: number) =>
      system.call('POST', `${lists}${id}/positions/${TICKETS.vip.id}/redeem/`, { token });
    expect((await redeemAgain(gone.id)).status).toBe(404);
    expect((await redeemAgain(stays.id)).body).toMatchObject({ reason: 'already_redeemed' });
    expect((await redeemAgain((await created()).id)).status).toBe(201);
    expect((await get(`${lists}${stays.id}/`)).body).toMatchObject({ checkin_count: 1 });
  });

  test('of two at once one finds it', async () => {
    const { id } = await created();
    const answers = await Promise.all(
      [system, replica].map((each) => each.call('DELETE', `${lists}${id}/`, { token })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404]);
  });

  test('import.md §3: what was deleted or edited here survives an import of the unchanged list', async () => {
    const export_ = festival();
    await system.call('DELETE', `${lists}${LISTS.passes}/`, { token });
    await patch(LISTS.merchandise, { name: 'Edited here' });
    await system.import(export_);
    expect(await get(`${lists}${LISTS.passes}/`)).toMatchObject({ status: 404 });
    expect((await get(`${lists}${LISTS.merchandise}/`)).body).toMatchObject({ name: 'Edited here' });
  });
});

describe('contract §4.3 field level', () => {
  const required = ['This field is required.'];
  const notNull = ['This field may not be null.'];
  const blank = ['This field may not be blank.'];
  const notText = ['Not a valid string.'];
  const notBoolean = ['Must be a valid boolean.'];
  const noChannels = ['Invalid data type.'];
  const noObject = (id: string) => [`Invalid pk "${id}" - object does not exist.`];
  const noPk = (type: string) => [`Incorrect type. Expected pk value, received ${type}.`];
  const noList = (type: string) => [`Expected a list of items but got type "${type}".`];

  const cases: [field: string, value: unknown, messages: string[]][] = [
    ['name', undefined, required],
    ['name', null, notNull],
    ['name', '', blank],
    ['name', ' \t\u00a0', blank],
    ['name', true, notText],
    ['name', [], notText],
    ['name', {}, notText],
    ['name', 'x'.repeat(191), ['Ensure this field has no more than 190 characters.']],
    ['name', 'a\u0000b', ['Null characters are not allowed.']],
    ['name', 'a\ud800b', ['Surrogate characters are not allowed: U+D800.']],
    ['all_products', null, notNull],
    ['all_products', 'maybe', notBoolean],
    ['all_products', 2, notBoolean],
    ['all_products', [], notBoolean],
    ['include_pending', null, notNull],
    ['include_pending', {}, notBoolean],
    ['limit_products', null, notNull],
    ['limit_products', 'x', noList('str')],
    ['limit_products', 5, noList('int')],
    ['limit_products', {}, noList('dict')],
    ['limit_products', true, noList('bool')],
    ['limit_products', [99999], noObject('99999')],
    ['limit_products', [ITEMS.pass, 5, 6], noObject('5')],
    ['limit_products', [ITEMS.fair], noObject(String(ITEMS.fair))],
    ['limit_products', ['x'], noPk('str')],
    ['limit_products', [true], noPk('bool')],
    ['limit_products', [[]], noPk('list')],
    ['limit_products', [{}], noPk('dict')],
    ['limit_products', [-1], noObject('-1')],
    ['subevent', 99999, noObject('99999')],
    ['subevent', 'x', noPk('str')],
    ['subevent', true, noPk('bool')],
    ['subevent', [], noPk('list')],
    ['auto_checkin_sales_channels', null, notNull],
    ['auto_checkin_sales_channels', 'web', noChannels],
    ['auto_checkin_sales_channels', {}, noChannels],
    ['auto_checkin_sales_channels', [1], noChannels],
  ];
  test.each(cases)('%s %j', async (field, value, messages) => {
    const json = { name: 'x', [field]: value };
    expect(await post(json)).toMatchObject({ status: 400, body: { [field]: messages } });
    if (value !== undefined)
      expect(await put(LISTS.main, json)).toMatchObject({ status: 400, body: { [field]: messages } });
    if (value !== undefined)
      expect(await patch(LISTS.main, { [field]: value })).toMatchObject({ status: 400, body: { [field]: messages } });
  });

  test.each(['9223372036854775808', '1'.repeat(60)])('ids of any length are ids that nobody has: %s', async (id) => {
    const body = `{"name":"x","limit_products":[${id}],"subevent":${id}}`;
    const headers = { 'content-type': 'application/json' };
    expect(await system.call('POST', lists, { token, body, headers })).toMatchObject({
      status: 400,
      body: { limit_products: noObject(id), subevent: noObject(id) },
    });
  });

  test('errors of all fields come together, before those of the whole', async () => {
    const answer = await post({
      all_products: 'x',
      limit_products: [NO_QUESTION.item],
      subevent: 'x',
      auto_checkin_sales_channels: 1,
    });
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.body).toEqual({
      name: required,
      all_products: notBoolean,
      subevent: noPk('str'),
      auto_checkin_sales_channels: noChannels,
    });
  });

  test('what is taken: trimmed names, numbers as names, every spelling of a boolean', async () => {
    expect(await created({ name: '  trimmed ' })).toMatchObject({ name: 'trimmed' });
    expect(await created({ name: 5 })).toMatchObject({ name: '5' });
    expect(await created({ name: '😀'.repeat(190) })).toMatchObject({ name: '😀'.repeat(190) });
    for (const yes of [true, 1, '1', 't', 'T', 'y', 'Y', 'yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON']) {
      expect(await created({ include_pending: yes })).toMatchObject({ include_pending: true });
    }
    for (const no of [false, 0, '0', 'f', 'F', 'n', 'N', 'no', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF']) {
      expect(await created({ all_products: no })).toMatchObject({ all_products: false });
    }
    expect(await created({ subevent: '' })).toMatchObject({ subevent: null });
  });
});

describe('contract §4.3 the whole, the first rule that is broken', () => {
  const refused = (message: string) => ({ status: 400, body: { non_field_errors: [message] } });
  const foreign = { limit_products: [NO_QUESTION.item] };

  test('1. products of another event, even with all_products', async () => {
    const message = 'One or more items do not belong to this event.';
    expect(captured('rest-list-create-item-of-other-event').body).toEqual(refused(message).body);
    expect(await post({ name: 'x', all_products: true, ...foreign })).toMatchObject(refused(message));
    expect(await post({ name: 'x', ...foreign, auto_checkin_sales_channels: ['nope'] }, tourLists)).toMatchObject(
      refused(message),
    );
    expect(await patch(LISTS.main, foreign)).toMatchObject(refused(message));
  });

  test('2. a series without a date', async () => {
    const message = 'Subevent cannot be null for event series.';
    for (const subevent of [undefined, null, '']) {
      expect(await post({ name: 'x', subevent, auto_checkin_sales_channels: ['nope'] }, tourLists)).toMatchObject(
        refused(message),
      );
    }
    expect(
      await system.call('PATCH', `${tourLists}${LISTS.morning}/`, { token, json: { subevent: null } }),
    ).toMatchObject(refused(message));
  });

  test('4. a date where there is no series', async () => {
    const message = 'The subevent does not belong to this event.';
    expect(captured('rest-list-create-subevent-on-single-with-products').body).toEqual(refused(message).body);
    expect(await post({ name: 'x', subevent: DATES.morning, auto_checkin_sales_channels: ['nope'] })).toMatchObject(
      refused(message),
    );
    expect(await patch(LISTS.main, { subevent: DATES.morning })).toMatchObject(refused(message));
  });

  test('5. an unknown channel', async () => {
    expect(await post({ name: 'x', auto_checkin_sales_channels: ['web', 'nope'] })).toMatchObject(
      refused('Unknown sales channel.'),
    );
    expect(await post({ name: 'x', auto_checkin_sales_channels: [''] })).toMatchObject(
      refused('Unknown sales channel.'),
    );
  });

  test('a refused request changes nothing', async () => {
    const before = await system.events();
    await patch(LISTS.main, { name: 'Changed?', ...foreign });
    expect(await system.events()).toEqual(before);
  });
});

describe('contract §1.4 bodies', () => {
  const form = { 'content-type': 'application/x-www-form-urlencoded' };

  test('a form, as the reference took it', async () => {
    const { request, body } = captured('rest-list-create-form');
    const { id: _id, position_count: _count, ...expected } = body as List;
    expect(await system.call('POST', lists, { token, body: request.body!, headers: form })).toMatchObject({
      status: 201,
      body: expected,
    });
  });

  test('a form that repeats a key has several products', async () => {
    const body = `name=Form&all_products=false&limit_products=${ITEMS.pass}&limit_products=${ITEMS.day}&subevent=&auto_checkin_sales_channels=web`;
    expect(await system.call('POST', lists, { token, body, headers: form })).toMatchObject({
      status: 201,
      body: {
        name: 'Form',
        all_products: false,
        limit_products: [ITEMS.pass, ITEMS.day],
        subevent: null,
        auto_checkin_sales_channels: ['web'],
      },
    });
  });

  test('a multipart form', async () => {
    const headers = { 'content-type': 'multipart/form-data; boundary=edge' };
    const part = (name: string, value: string) =>
      `--edge\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
    const body = `${part('name', 'Mehrteilig ü')}${part('include_pending', 'on')}--edge--\r\n`;
    expect(await system.call('POST', lists, { token, body, headers })).toMatchObject({
      status: 201,
      body: { name: 'Mehrteilig ü', include_pending: true },
    });
  });

  test('nothing at all is an empty object', async () => {
    const reference = captured('rest-list-create-empty-body-json').body;
    expect(await system.call('POST', lists, { token })).toMatchObject({ status: 400, body: reference });
    expect(await system.call('PATCH', `${lists}${LISTS.main}/`, { token })).toMatchObject({ status: 200 });
  });

  test.each([
    ['[]', 'list'],
    ['"x"', 'str'],
    ['5', 'int'],
    ['1.5', 'float'],
    ['true', 'bool'],
  ])('a root of %s', async (body, type) => {
    const headers = { 'content-type': 'application/json' };
    const expected = { non_field_errors: [`Invalid data. Expected a dictionary, but got ${type}.`] };
    if (type === 'list') expect(captured('rest-list-create-not-an-object').body).toEqual(expected);
    for (const [method, target] of [
      ['POST', lists],
      ['PUT', `${lists}${LISTS.main}/`],
      ['PATCH', `${lists}${LISTS.main}/`],
    ] as const) {
      expect(await system.call(method, target, { token, body, headers })).toMatchObject({
        status: 400,
        body: expected,
      });
    }
  });

  test('__proto__ is a key like any other', async () => {
    const headers = { 'content-type': 'application/json' };
    const body = '{"__proto__":{"name":"x","all_products":false},"constructor":{"prototype":{"name":"y"}}}';
    expect(await system.call('POST', lists, { token, body, headers })).toMatchObject({
      status: 400,
      body: { name: ['This field is required.'] },
    });
    expect(({} as { name?: string }).name).toBeUndefined();
  });
});

test('contract §1.3 a device reads lists and changes none', async () => {
  const headers = { authorization: `Device ${DEVICES.gate}` };
  expect(await system.call('GET', `${lists}${LISTS.main}/`, { headers })).toMatchObject({ status: 200 });
  for (const [method, target] of [
    ['POST', lists],
    ['PUT', `${lists}${LISTS.main}/`],
    ['PATCH', `${lists}${LISTS.main}/`],
    ['DELETE', `${lists}${LISTS.main}/`],
  ] as const) {
    expect(await system.call(method, target, { headers, json: { name: 'x' } })).toMatchObject({
      status: 403,
      body: captured('rest-list-create-as-device').body,
    });
  }
});
