import { CONTEXT_NAMES, contextRow } from './contexts';

test('a context with anything private has a topic with whole events, which other contexts follow and rebuild from (design §3)', () => {
  const withSecrets = CONTEXT_NAMES.filter((context) =>
    [...contextRow(context).definitions.values()].some((each) => each.isPrivate || each.privateFields.length > 0),
  );
  expect(withSecrets).toEqual(expect.arrayContaining(['admission', 'inventory', 'sales']));
  for (const context of withSecrets) {
    const internal = contextRow(context).topics.filter(({ audience }) => audience === 'internal');
    expect([context, internal]).toEqual([context, [{ audience: 'internal', partitions: 1 }]]);
  }
});
