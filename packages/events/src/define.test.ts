import { z } from 'zod';
import { catalog, event, NewerEventVersion } from './define';

const GateOpened = event('GateOpened', z.object({ gate: z.string(), lanes: z.int() }), {
  upcasts: [
    ({ name, ...rest }) => ({ ...rest, gate: name }),
    (data) => ({ ...data, lanes: typeof data['lanes'] === 'number' ? data['lanes'] : 1 }),
  ],
  privateFields: ['gate'],
});
const GateClosed = event('GateClosed', z.object({ gate: z.string() }));
const gates = catalog([GateOpened, GateClosed]);

test('a version is one more than the steps that lead to it', () => {
  expect([GateOpened.version, GateClosed.version]).toEqual([3, 1]);
});

describe('read', () => {
  test.each([
    [1, { name: 'North' }, { gate: 'North', lanes: 1 }],
    [2, { gate: 'North', lanes: 4 }, { gate: 'North', lanes: 4 }],
    [2, { gate: 'North' }, { gate: 'North', lanes: 1 }],
    [3, { gate: 'North', lanes: 4 }, { gate: 'North', lanes: 4 }],
  ])('version %i of %j is %j', (version, data, current) => {
    expect(gates.read({ type: 'GateOpened', version, data })).toEqual({ type: 'GateOpened', data: current });
  });

  test('leaves the stored data alone', () => {
    const data = Object.freeze({ name: 'North' });
    gates.read({ type: 'GateOpened', version: 1, data });
    expect(data).toEqual({ name: 'North' });
  });

  test('keeps fields that this release does not know', () => {
    const stored = { type: 'GateClosed', version: 1, data: { gate: 'North', by: 'wind' } };
    expect(gates.read(stored)?.data).toEqual({ gate: 'North', by: 'wind' });
  });

  test('an unknown type is nothing', () => {
    expect(gates.read({ type: 'GatePainted', version: 1, data: {} })).toBeUndefined();
  });

  test('a newer version stops the reader', () => {
    expect(() => gates.read({ type: 'GateClosed', version: 2, data: { gate: 'North' } })).toThrow(NewerEventVersion);
    expect(() => gates.read({ type: 'GateClosed', version: 2, data: {} })).toThrow(
      'GateClosed has version 2, this release knows 1',
    );
  });
});

describe('write', () => {
  test('names the current version and leaves out what the schema does not know', () => {
    const opened = { type: 'GateOpened' as const, data: { gate: 'North', lanes: 2, weather: 'fine' } };
    expect(gates.write(opened)).toEqual({ type: 'GateOpened', version: 3, data: { gate: 'North', lanes: 2 } });
  });

  test('what was written is read', () => {
    const closed = { type: 'GateClosed' as const, data: { gate: 'North' } };
    expect(gates.read(gates.write(closed))).toEqual(closed);
  });

  test.each([{ gate: 'North' }, { gate: 'North', lanes: 1.5 }, { gate: 7, lanes: 1 }, null])('refuses %j', (data) => {
    expect(() => gates.write({ type: 'GateOpened', data } as Parameters<typeof gates.write>[0])).toThrow(z.ZodError);
  });

  test('refuses events of another context', () => {
    const foreign = { type: 'GatePainted', data: {} } as unknown as Parameters<typeof gates.write>[0];
    expect(() => gates.write(foreign)).toThrow('no such event in this context: GatePainted');
  });
});

describe('only', () => {
  const closings = gates.only(GateClosed);

  test('reads and writes the events that it names, as the whole catalog does', () => {
    const closed = { type: 'GateClosed' as const, data: { gate: 'North' } };
    expect(closings.read(closings.write(closed))).toEqual(closed);
    expect([...closings.definitions.keys()]).toEqual(['GateClosed']);
  });

  test('knows no other event of the context', () => {
    expect(closings.read({ type: 'GateOpened', version: 3, data: { gate: 'North', lanes: 1 } })).toBeUndefined();
    const opened = { type: 'GateOpened', data: { gate: 'North', lanes: 1 } } as unknown as {
      type: 'GateClosed';
      data: { gate: string };
    };
    expect(() => closings.write(opened)).toThrow('no such event in this context: GateOpened');
  });

  test('names no event of another context', () => {
    const foreign = event('GateClosed', z.object({ gate: z.string() }));
    expect(() => gates.only(foreign)).toThrow('no such event in this context: GateClosed');
  });
});
