import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020';
import { z } from 'zod';
import { admission, type AdmissionEvent } from './admission';
import { CONTEXT_NAMES, contextRow } from './contexts';
import { inventory, type InventoryEvent, type ReservationRefused } from './inventory';
import { reference, referenceStream, type ReferenceEvent } from './reference';
import { sales, type BatchEvent } from './sales';
import { breaches, type Json } from './schema-rules';

type Stored = { type: string; version: number; data: Record<string, unknown> };

const folder = join(__dirname, '../samples');
const samples = readdirSync(folder).map((file) => ({
  file,
  stored: JSON.parse(readFileSync(join(folder, file), 'utf8')) as Stored,
}));
const definitions = CONTEXT_NAMES.flatMap((context) => [...contextRow(context).definitions.values()]);

type AnyEvent = AdmissionEvent | InventoryEvent | ReservationRefused | ReferenceEvent | BatchEvent;

const read = (stored: Stored): AnyEvent | undefined =>
  admission.read(stored) ?? inventory.read(stored) ?? reference.read(stored) ?? sales.read(stored);

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

const current = Object.fromEntries(
  definitions.map(({ type, version, schema }) => [`${type}.v${version}`, asJson(z.toJSONSchema(schema))]),
);
const file = join(__dirname, '../schemas.snapshot.json');
/** Of every version that was ever shipped, as `Type.v1`. UPDATE_SCHEMAS=1 adds what the rules allow, for review. */
const shipped = readShipped();
if (process.env['UPDATE_SCHEMAS'] === '1') {
  for (const [key, schema] of Object.entries(current)) {
    if (breaches(shipped[key] ?? schema, schema).length === 0) shipped[key] = schema;
  }
  writeFileSync(file, `${JSON.stringify(shipped, null, 2)}\n`);
}

function readShipped(): Record<string, Json> {
  return JSON.parse(readFileSync(file, 'utf8')) as Record<string, Json>;
}

function asJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

describe('the schemas that were shipped', () => {
  test.each(Object.keys(current))('%s has got optional fields and enum values at most', (key) => {
    expect(breaches(shipped[key] ?? current[key]!, current[key]!)).toEqual([]);
  });

  test('are all in schemas.snapshot.json, as they are now', () => {
    expect(shipped).toMatchObject(current);
  });

  test('each version of an event has its schema there', () => {
    const versions = definitions.flatMap(({ type, version }) =>
      Array.from({ length: version }, (_none, n) => `${type}.v${n + 1}`),
    );
    expect(Object.keys(shipped).sort()).toEqual(versions.sort());
  });

  test.each(samples)('$file satisfies the schema of its version', ({ stored }) => {
    const validate = new Ajv2020({ strict: false }).compile(shipped[`${stored.type}.v${stored.version}`] as object);
    expect({ valid: validate(stored.data), errors: validate.errors }).toEqual({ valid: true, errors: null });
  });
});
