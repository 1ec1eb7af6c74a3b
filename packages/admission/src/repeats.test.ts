import { FIRST_FEW, repeats, type Count, type Repeated } from './repeats';

const kind = (position: number, answer = 'already_redeemed'): Repeated => ({
  actor: 'token:1',
  list: 1,
  position,
  answer,
});

/** Scans one after another; returns how many became events of their own. */
function scan(counted: ReturnType<typeof repeats<string>>, times: number, each: (n: number) => Repeated): number {
  let recorded = 0;
  for (let n = 0; n < times; n++) {
    if (counted.isToBeRecorded(each(n))) recorded++;
    else counted.count(each(n), `scan ${n}`);
  }
  return recorded;
}

test('the first few of a kind are recorded, the others are one count with the newest of them', async () => {
  const written: Count<string>[] = [];
  const counted = repeats<string>((count) => Promise.resolve(void written.push(count)));
  expect(scan(counted, 1_000, () => kind(1))).toBe(FIRST_FEW);
  expect(scan(counted, 3, () => kind(1, 'unpaid'))).toBe(3);
  await counted.close();
  expect(written).toMatchObject([{ count: 1_000 - FIRST_FEW, last: 'scan 999' }]);
  expect(written[0]!.from.getTime()).toBeLessThanOrEqual(written[0]!.until.getTime());
});

test('the next minute begins anew', async () => {
  const written: Count<string>[] = [];
  const counted = repeats<string>((count) => Promise.resolve(void written.push(count)));
  scan(counted, 100, () => kind(1));
  await counted.flush();
  expect(scan(counted, 5, () => kind(1))).toBe(5);
  await counted.close();
  expect(written.map(({ count }) => count)).toEqual([100 - FIRST_FEW]);
});

test('what cannot be written is counted on', async () => {
  const written: Count<string>[] = [];
  let isAway = true;
  const counted = repeats<string>((count) =>
    isAway ? Promise.reject(new Error('away')) : Promise.resolve(void written.push(count)),
  );
  scan(counted, 100, () => kind(1));
  await counted.flush();
  scan(counted, 50, () => kind(1));
  isAway = false;
  await counted.close();
  // The second fifty come in a minute whose first few were already recorded.
  expect(written.map(({ count }) => count)).toEqual([100 - FIRST_FEW + 50]);
});

test('of many kinds none is lost: the oldest is written when another needs its place', async () => {
  const written: Count<string>[] = [];
  const counted = repeats<string>((count) => Promise.resolve(void written.push(count)));
  scan(counted, FIRST_FEW + 5, () => kind(0));
  expect(scan(counted, 30_000, (n) => kind(n + 1))).toBe(30_000);
  expect(written).toMatchObject([{ count: 5 }]);
  await counted.close();
  expect(written).toHaveLength(1);
});
