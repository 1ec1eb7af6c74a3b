import { checkin } from '@gatehouse/checkin/service';
import { startProcess } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';

let system: System;
beforeAll(async () => {
  system = await startSystem([checkin]);
});
afterAll(() => system.close());

test('processes of a new release that start together all become ready: one rebuilds, the others wait for it', async () => {
  await system.pool.query(`update read_models set version = 0 where name in ('lists', 'tickets')`);
  const started = await Promise.all([1, 2, 3].map(() => startProcess([checkin], system.databaseUrl)));
  try {
    for (const each of started) {
      for (;;) {
        const { status } = await each.call('GET', '/readyz');
        if (status === 200) break;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    const { rows } = await system.pool.query<{ name: string; version: number; generation: number }>(
      `select name, version, generation from read_models where name in ('lists', 'tickets') order by name`,
    );
    expect(rows.every((row) => row.version > 0)).toBe(true);
    expect(rows.every((row) => row.generation > 1)).toBe(true);
  } finally {
    await Promise.all(started.map((each) => each.close()));
  }
});
