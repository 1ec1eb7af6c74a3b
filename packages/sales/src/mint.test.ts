import { randomFillSync } from 'node:crypto';
import type { Ticket } from '@gatehouse/events/sales';
import { openMint } from './mint';

const mint = openMint();

/** How often each character comes at a place of the texts. */
function counted(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const letter of texts.join('')) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  return counts;
}

/** Of n characters of an alphabet each is expected n/a times; seven standard deviations off are no chance. */
function expectFair(texts: readonly string[], alphabet: string): void {
  const counts = counted(texts);
  expect([...counts.keys()].sort().join('')).toBe([...alphabet].sort().join(''));
  const share = texts.join('').length / alphabet.length;
  const deviation = Math.sqrt(share * (1 - 1 / alphabet.length));
  for (const count of counts.values()) expect(Math.abs(count - share)).toBeLessThan(7 * deviation);
}

describe('§2.1, 9,000 tickets', () => {
  const tickets = mint.tickets(9_000, false);
  const all = (what: keyof Ticket) => tickets.map((ticket) => ticket[what]);
  const column = (what: keyof Ticket, at: number) => all(what).map((text) => text[at]!);

  test.each<[keyof Ticket, string, number]>([
    ['code', 'BCDFGHJKLMNPQRSTVWXYZ3789', 7],
    ['secret', 'abcdefghjkmnpqrstuvwxyz23456789', 32],
    ['pseudonymization_id', 'ABCDEFGHJKLMNPQRSTUVWXYZ3789', 10],
  ])(
    'each %s is new, of the letters "%s", %i of them, all equally frequent at each place',
    (what, alphabet, length) => {
      expect(new Set(all(what)).size).toBe(9_000);
      expect(all(what).filter((text) => text.length !== length)).toEqual([]);
      for (let at = 0; at < length; at++) expectFair(column(what, at), alphabet);
    },
  );

  test('a letter says nothing of the next one', () => {
    const pairs = column('secret', 0).map((letter, i) => letter + tickets[i]!.secret[1]!);
    // 961 pairs, of which each comes with a probability of 0.99991.
    expect(new Set(pairs).size).toBeGreaterThan(945);
  });
});

test('§2.1: the second letter of a code is 0 in test mode only, and all others are equally frequent', () => {
  const codes = mint.tickets(5_000, true).map(({ code }) => code);
  expect(new Set(codes).size).toBe(5_000);
  expect(codes.filter((code) => !/^[^0]0[^0]{5}$/.test(code))).toEqual([]);
  expectFair(
    codes.map((code) => code.replace('0', '')),
    'BCDFGHJKLMNPQRSTVWXYZ3789',
  );
  expect(Array.from({ length: 5_000 }, () => mint.code(false)).filter((code) => code.includes('0'))).toEqual([]);
});

test('codes have seven letters, where those of shops have five or six, so that the two never meet', () => {
  expect(mint.code(false)).toHaveLength(7);
  expect(mint.code(true)).toHaveLength(7);
});

test('within a chunk no code comes twice, even when chance repeats one', () => {
  let calls = 0;
  const repeating = openMint((bytes) => {
    // The first two fills are the same bytes.
    if (calls++ < 2) bytes.fill(0).fill(1, 0, bytes.length / 2);
    else randomFillSync(bytes);
  });
  const codes = repeating.tickets(300, false).map(({ code }) => code);
  expect(new Set(codes).size).toBe(300);
  expect(codes).toContain('BBBBBBB');
  expect(calls).toBeGreaterThan(2);
});

test('bytes that would make some letters more frequent are left out', () => {
  const ofByte = (byte: number) => {
    let calls = 0;
    return openMint((bytes) => bytes.fill(calls++ === 0 ? byte : 0));
  };
  // 250 is the first byte beyond ten times the 25 letters.
  expect(ofByte(249).code(false)).toBe('9999999');
  expect(ofByte(250).code(false)).toBe('BBBBBBB');
  expect(ofByte(255).code(false)).toBe('BBBBBBB');
});
