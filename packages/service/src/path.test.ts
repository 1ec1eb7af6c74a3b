import { PathTable, targetOf } from './path';

/** Patterns for a split of the REST API: services that share a prefix, and one for all other paths. */
const EVENT = 'api/v1/organizers/:organizer/events/:event';
const table = new PathTable<string>();
for (const [pattern, service] of [
  ['*', 'checkin'],
  ['pretixdroid/*', 'droid'],
  [`${EVENT}/cartpositions/*`, 'cart'],
  [`${EVENT}/quotas/*`, 'cart'],
  [`${EVENT}/quotas/:quota/history`, 'history'],
  ['api/v1/upload', 'cart'],
  [`${EVENT}/offlinesalesbatches/*`, 'offline-sales'],
] as const) {
  table.add(pattern, service);
}

test.each([
  ['/', 'checkin'],
  ['*', 'checkin'],
  ['/pretixdroid', 'droid'],
  ['/pretixdroid/', 'droid'],
  ['/pretixdroid//', 'droid'],
  ['/%70retixdroid/api/x?key=1', 'droid'],
  ['http://gate.example/pretixdroid/api', 'droid'],
  ['//pretixdroid/', 'checkin'],
  ['/pretixdroidx/', 'checkin'],
  ['/api/v1/organizers/demo/events/openair/', 'checkin'],
  ['/api/v1/organizers/demo/events/openair/quotas', 'cart'],
  ['/api/v1/organizers/demo/events/openair/quotas/1/availability/', 'cart'],
  ['/api/v1/organizers/demo/events/openair/quotas/1/history/', 'history'],
  ['/api/v1/organizers/demo/events/openair/quotas/1/history/2/', 'cart'],
  ['/api/v1/organizers/demo/events/openair/cartpositions//', 'cart'],
  ['/api/v1/organizers/de%2Fmo/events/openair/cartpositions/', 'cart'],
  ['/api/v1/organizers//events/openair/cartpositions/', 'checkin'],
  ['/api/v1/organizers/demo/events/openair/quotasx/', 'checkin'],
  ['/api/v1/organizers/demo/events/quotas/checkinlists/', 'checkin'],
  ['/api/v1/organizers/demo/events/openair/offlinesalesbatches/', 'offline-sales'],
  ['/api/v1/upload', 'cart'],
  ['/api/v1/upload/x', 'checkin'],
  [`/${'pretixdroid/'.repeat(2_000)}`, 'checkin'],
])('%s is for %s', (target, service) => {
  expect(table.find(targetOf(target))?.value).toBe(service);
});

test('parameters come with the pattern that is found, and none of one that was tried', () => {
  expect(table.find(targetOf('/api/v1/organizers/o/events/e/quotas/7'))).toMatchObject({
    params: { organizer: 'o', event: 'e' },
  });
  expect(table.find(targetOf('/api/v1/organizers/o/events/e/items'))?.params).toEqual({});
});

test('a beginning is registered once, and nothing follows it', () => {
  expect(() => table.add('pretixdroid/*', 'x')).toThrow('twice');
  expect(() => table.add('a/*/b', 'x')).toThrow('nothing may follow *');
  expect(() => table.add('a/:b+/*', 'x')).toThrow('no end');
});
