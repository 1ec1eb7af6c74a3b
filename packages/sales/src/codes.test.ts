import { randomFillSync } from 'node:crypto';
import { openCodes } from './codes';
import { openMint } from './mint';
import { salesInTest, type SalesInTest } from './sales-in-test';

let sales: SalesInTest;
beforeAll(async () => {
  sales = await salesInTest();
});
afterAll(() => sales.close());

/** A mint whose first codes are those that every other mint of this kind has first. */
function commonMint() {
  let fills = 0;
  return openMint((bytes) => {
    if (fills++ > 0) return void randomFillSync(bytes);
    bytes.forEach((_, i) => (bytes[i] = (i * 7_919) % 251));
  });
}
const codesOf = (tickets: readonly { code: string }[]) => tickets.map(({ code }) => code);

test('§2.1: no code twice in an organizer, though every chunk is minted with the same ones', async () => {
  const all = await Promise.all(
    Array.from({ length: 6 }, () =>
      openCodes(sales.pool, commonMint()).tickets(400, { organizer: 'demo', testmode: false }),
    ),
  );
  expect(all.map((tickets) => tickets.length)).toEqual(Array(6).fill(400));
  expect(new Set(all.flatMap(codesOf)).size).toBe(2_400);
  const others = await openCodes(sales.pool, commonMint()).tickets(400, { organizer: 'other', testmode: false });
  expect(others.filter(({ code }) => all.flatMap(codesOf).includes(code)).length).toBeGreaterThan(50);
});

test("a batch in test mode has test mode's codes, also in place of those that are taken", async () => {
  for (let n = 0; n < 2; n++) {
    const tickets = await openCodes(sales.pool, commonMint()).tickets(100, { organizer: 'tests', testmode: true });
    expect(codesOf(tickets).filter((code) => !/^[A-Z0-9]0[A-Z1-9]{5}$/.test(code))).toEqual([]);
  }
});

test('positions begin at a thousand millions, and no two batches have one', async () => {
  const amounts = Array.from({ length: 40 }, (_, n) => n + 1);
  const firsts = await Promise.all(amounts.map((amount) => sales.codes.positions(amount)));
  const positions = firsts.flatMap((first, n) => Array.from({ length: amounts[n]! }, (_, i) => first + i));
  const total = (40 * 41) / 2;
  expect(positions.sort((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, n) => 1_000_000_000 + n));
});
