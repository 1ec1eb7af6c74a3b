import { writeFestival } from './festival';
import { openFolder, type OrganizerFolder } from './folder';
import { knownEvent, type EventScope } from './known';
import { openOrderReader } from './order-reader';
import type { OrderRead } from './read-orders';
import { exportFolder, type ExportFolder } from './testing';

const ORDERS = 'events/fest/orders.ndjson';
const known = knownEvent('big', 'fest');
known.items.set(1, new Set());
known.lists.add(1);
const scope: EventScope = { organizer: 'big', event: 'fest', known, plans: new Map() };

let folder: ExportFolder;
let folders: readonly OrganizerFolder[];
beforeEach(async () => {
  folder = exportFolder();
  // So many bytes that threads read them.
  writeFestival(folder, 7_000);
  const odd = (line: object, more: object) => JSON.stringify({ ...line, ...more });
  const lines = folder.read(ORDERS) as { positions: object[] }[];
  const texts = lines.map((line) => JSON.stringify(line));
  texts[100] = odd(lines[100]!, { status: 'x' });
  texts[1_700] = `\r\n${odd(lines[1_700]!, { positions: [{ ...lines[1_700]!.positions[0], item: 4_711 }] })}`;
  texts[2_500] = '{"secret":"hush"';
  texts[3_400] = odd(lines[3_400]!, { email: '😀'.repeat(250) });
  folder.write(ORDERS, `${texts.join('\n')}\n{"code":"CUT`);
  folders = await openFolder(folder.path);
});
afterEach(() => folder.drop());

async function ordersBy(threads: number): Promise<{ orders: OrderRead[]; lines: string }> {
  const reader = openOrderReader(folders, threads);
  const orders: OrderRead[] = [];
  const parts: Uint8Array[] = [];
  try {
    const file = folders[0]!.events[0]!.files.get('orders.ndjson')!;
    for await (const read of reader.read(file, scope, () => undefined)) {
      orders.push(...read.orders);
      parts.push(read.lines);
    }
    return { orders, lines: Buffer.concat(parts).toString() };
  } finally {
    await reader.close();
  }
}

test('threads read the same of an export, in the same order, as is read without them', async () => {
  const alone = await ordersBy(0);
  expect(alone.orders).toHaveLength(3_501);
  expect(
    alone.orders.filter(({ issues }) => issues.length > 0).map(({ index, issues }) => [index, issues[0]!.reason]),
  ).toEqual([
    [101, 'must be n, p, e or c'],
    [1_702, '4711 is no product of this event'],
    [2_502, 'is not JSON'],
    [3_502, 'is cut off: its line has no end'],
  ]);
  expect(alone.lines.split('\n')).toHaveLength(3_497 + 1);
  const shared = await ordersBy(2);
  expect(shared.orders).toEqual(alone.orders);
  expect(shared.lines).toBe(alone.lines);
});

test('a thread that ends while it is needed ends the reading with an error', async () => {
  const reader = openOrderReader(folders, 1);
  const file = folders[0]!.events[0]!.files.get('orders.ndjson')!;
  const reading = (async () => {
    for await (const read of reader.read(file, scope, () => undefined))
      if (read.orders.length > 0) await reader.close();
  })();
  await expect(reading).rejects.toThrow('a thread that reads orders has ended');
});
