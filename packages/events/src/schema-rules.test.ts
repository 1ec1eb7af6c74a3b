import { z } from 'zod';
import { breaches, type Json } from './schema-rules';

const schemaOf = (schema: z.ZodType): Json => JSON.parse(JSON.stringify(z.toJSONSchema(schema))) as Json;
const between = (before: z.ZodType, after: z.ZodType): string[] => breaches(schemaOf(before), schemaOf(after));

const part = z.object({ id: z.int(), kind: z.enum(['entry', 'exit']) });
const before = z.object({ list: z.int(), reason: z.string().nullable(), parts: z.array(part) });

describe('within a version', () => {
  test.each([
    ['nothing changes', before],
    ['a description changes', before.extend({ list: z.int().describe('The gate.') })],
    ['an optional field is added', before.extend({ app: z.string().optional() })],
    [
      'an optional field is added further in',
      before.extend({ parts: z.array(part.extend({ n: z.int().optional() })) }),
    ],
    [
      'an enum gets a value',
      before.extend({ parts: z.array(part.extend({ kind: z.enum(['exit', 'entry', 'pause']) })) }),
    ],
  ])('%s: allowed', (_what, after) => {
    expect(between(before, after)).toEqual([]);
  });

  test.each([
    [
      'a field is added that must be there',
      before.extend({ app: z.string() }),
      'data requires other fields than before',
    ],
    ['a field is no longer there', before.omit({ list: true }), 'data.list was removed'],
    ['a field need no longer be there', before.partial({ list: true }), 'data requires other fields than before'],
    ['a field changes its type', before.extend({ list: z.string() }), 'data.list.type has changed'],
    ['a field may be null', before.extend({ list: z.int().nullable() }), 'data.list: anyOf was added'],
    ['a field may no longer be null', before.extend({ reason: z.string() }), 'data.reason.type has changed'],
    [
      'an enum loses a value',
      before.extend({ parts: z.array(part.extend({ kind: z.enum(['entry']) })) }),
      'data.parts.items.kind has lost a value of its enum',
    ],
  ])('%s: a new version', (_what, after, breach) => {
    expect(between(before, after)).toContain(breach);
  });
});
