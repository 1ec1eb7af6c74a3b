import { testDatabase } from '@gatehouse/test-support/postgres';
import { arrayOf, binaryArray, type Element, type ElementType } from './array-values';
import { openPool } from './postgres';

const itself = (value: Element): Element => value;

test('arrays arrive as what was passed, whatever it contains', async () => {
  const { url, drop } = await testDatabase();
  const pool = openPool(url, 'public', 1);
  const odd = ['', 'null', 'NULL', '{}', 'a,b', '"', '\\', '\\"', "'", '\n\t', 'ü€😀', '{"a":["\\""]}', ' a '];
  const arrays: [ElementType, readonly Element[]][] = [
    ['text', [...odd, null]],
    ['text', []],
    ['json', ['{"a":["\\"\\u20ac\\\\"]}', 'null', '"€"', null]],
    ['json', []],
    ['integer', [1, null, -2_147_483_648]],
    ['integer', []],
    ['boolean', [true, null, false]],
    ['uuid', ['0188ba58-4591-5c1c-a8d9-a9a6b9e5e0cc']],
  ];
  for (const [type, values] of arrays) {
    const { rows } = await pool.query<{ back: string[] | null }>(
      `select array_agg(value::text order by n) as back from unnest($1::${type}[]) with ordinality as v(value, n)`,
      [arrayOf(type, values, itself)],
    );
    const texts = values.map((value) => (value === null ? null : String(value)));
    expect([type, rows[0]!.back]).toEqual([type, texts.length === 0 ? null : texts]);
  }
  const instants = ['2027-07-01T10:00:00.123456Z', null, '2027-07-01T12:00:00+02:00'];
  const { rows } = await pool.query<{ back: unknown[] }>(
    'select array(select extract(epoch from v)::text from unnest($1::timestamptz[]) v) as back',
    [arrayOf('timestamptz', instants, itself)],
  );
  expect(rows[0]!.back).toEqual(['1814436000.123456', null, '1814436000.000000']);
  // No text becomes two elements.
  await expect(
    pool.query('select $1::timestamptz[]', [arrayOf('timestamptz', ['2027-07-01","2028-07-01'], itself)]),
  ).rejects.toThrow('invalid input syntax');
  const bytes = await pool.query<{ back: string }>('select ($1::json[])[1]::text as back', [
    binaryArray('json', [Buffer.from('{"ü":1}')]),
  ]);
  expect(bytes.rows[0]!.back).toBe('{"ü":1}');
  await pool.end();
  await drop();
});
