import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { admission, type AdmissionEvent } from './admission';
import { reference, referenceStream, type ReferenceEvent } from './reference';

type Stored = { type: string; version: number; data: Record<string, unknown> };

const folder = join(__dirname, '../samples');
const samples = readdirSync(folder).map((file) => ({
  file,
  stored: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Stored,
}));
const definitions = [...admission.definitions.values(), ...reference.definitions.values()];

const read = (stored: Stored): AdmissionEvent | ReferenceEvent | undefined =>
  admission.read(stored) ?? reference.read(stored);

describe('every event version that was ever shipped', () => {
  test.each(definitions)('$type has a sample of each of its versions', ({ type, version }) => {
    const versions = samples.filter(({ stored }) => stored.type === type).map(({ stored }) => stored.version);
    expect(versions.sort((a, b) => a - b)).toEqual(Array.from({ length: version }, (_, index) => index + 1));
  });

  test.each(samples)('$file is read, and satisfies the current schema to the last key', ({ file, stored }) => {
    expect(file).toBe(`${stored.type}.v${stored.version}.json`);
    const event = read(stored);
    const schema = definitions.find(({ type }) => type === stored.type)?.schema;
    expect(event?.type).toBe(stored.type);
    expect(schema?.parse(event?.data)).toEqual(event?.data);
  });
});

test.each(samples.filter(({ stored }) => reference.definitions.has(stored.type)))(
  '$file has a stream',
  ({ stored }) => {
    expect(referenceStream(reference.read(stored)!)).not.toContain('undefined');
  },
);

test.each(definitions)('the private fields of $type are fields of its', ({ schema, privateFields }) => {
  const fields = Object.keys((schema as z.ZodObject).shape);
  expect(fields).toEqual(expect.arrayContaining([...privateFields]));
});

test('the published schemas have not changed (UPDATE_SCHEMAS=1 writes them anew, for review)', () => {
  const file = join(__dirname, '../schemas.snapshot.json');
  const schemas = Object.fromEntries(
    definitions.map(({ type, version, schema }) => [`${type}.v${version}`, z.toJSONSchema(schema)]),
  );
  if (process.env['UPDATE_SCHEMAS'] === '1') writeFileSync(file, `${JSON.stringify(schemas, null, 2)}\n`);
  // As JSON, not as text: formatting the file is no change of the contract.
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(JSON.parse(JSON.stringify(schemas)));
});
