import { admission } from '@gatehouse/events/admission';
import { inventory } from '@gatehouse/events/inventory';
import { parse } from 'yaml';
import { eventDocs } from './event-docs';
import { knownCredentials, startApp, type TestApp } from './testing';

let app: TestApp;
beforeAll(async () => {
  app = await startApp({ routes: [], credentials: knownCredentials({}), mounts: [eventDocs()] });
});
afterAll(() => app.close());

describe('/docs/events', () => {
  test('200: the AsyncAPI document, which names every event of admission and none of reference', async () => {
    const { status, headers, text } = await app.call('GET', '/docs/events');
    expect({ status, type: headers['content-type'] }).toEqual({ status: 200, type: 'application/yaml' });
    const { asyncapi, channels, components } = parse(text) as Record<string, Record<string, unknown>>;
    expect(asyncapi).toBe('3.0.0');
    expect(Object.keys(channels!)).toEqual(['admission', 'inventory', 'sales']);
    const messages = Object.keys(components!['messages'] as object);
    const definitions = [...admission.definitions.values(), ...inventory.definitions.values()];
    for (const { type, version } of definitions) expect(messages).toContain(`${type}.v${version}`);
    expect(text).not.toContain('Stated');
  });

  test('200: the schema that an event names, without private fields and open for new ones', async () => {
    const { status, text } = await app.call('GET', '/docs/events/PositionRedeemed.v1.json');
    const schema = JSON.parse(text) as { $id: string; properties: object; required: string[] };
    expect(status).toBe(200);
    expect(schema.$id).toBe('urn:gatehouse:admission:PositionRedeemed:1');
    expect(Object.keys(schema.properties)).toEqual(expect.arrayContaining(['list', 'position', 'nonce_present']));
    expect([...Object.keys(schema.properties), ...schema.required]).not.toContain('nonce');
    expect(schema).not.toHaveProperty('additionalProperties');
  });

  test('404: a schema that there is not, and a file beside them', async () => {
    expect((await app.call('GET', '/docs/events/OrderStated.v1.json')).status).toBe(404);
    expect((await app.call('GET', '/docs/events/../package.json')).status).toBe(404);
  });
});
