import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { importFolder } from '@gatehouse/reference/import';
import { referenceStoreAt } from '@gatehouse/reference/testing';
import { API, festival, LISTS, OPENAIR, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { testDatabase } from '@gatehouse/test-support/postgres';
import { startProcess, type Process } from '@gatehouse/test-support/process';
import { exportFolder, startSystem } from '@gatehouse/test-support/system';
import { Client } from 'pg';
import { differences } from './models';

const isReady = async (process: Process) => (await process.call('GET', '/readyz')).status === 200;

test('processes of a new release that start together all become ready: one rebuilds, the others wait for it', async () => {
  const system = await startSystem([checkin]);
  await system.pool.query(`update read_models set version = 0 where name in ('lists', 'tickets')`);
  const started = await Promise.all([1, 2, 3].map(() => startProcess([checkin], system.databaseUrl)));
  try {
    for (const each of started) {
      while (!(await isReady(each))) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { rows } = await system.pool.query<{ name: string; version: number; generation: number }>(
      `select name, version, generation from read_models where name in ('lists', 'tickets') order by name`,
    );
    expect(rows.every((row) => row.version > 0)).toBe(true);
    expect(rows.every((row) => row.generation > 1)).toBe(true);
  } finally {
    await Promise.all(started.map((each) => each.close()));
    await system.close();
  }
});

test('a release whose tables have other columns starts over those of the last one, and refuses nobody until they are built', async () => {
  const database = await testDatabase();
  const { store, pool, close } = await referenceStoreAt(database.url);
  await importFolder({ store, pool, folder: await exportFolder(festival()) });
  await close();
  const client = new Client(database.url);
  await client.connect();
  const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${TICKETS.ada.id}/`;
  const asAdmin = { token: TOKENS.admin };
  try {
    const first = await startProcess([checkin], database.url);
    while (!(await isReady(first))) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await first.call('POST', `${target}redeem/`, { ...asAdmin, json: {} })).status).toBe(201);
    await first.close();
    for (const models of [...READ_MODELS.map((model) => [model]), READ_MODELS]) {
      for (const { name, tables } of models) {
        for (const table of tables) {
          await client.query(`drop table admission.${table.name}`);
          await client.query(`create table admission.${table.name} (of_an_older_release text not null)`);
          await client.query(`insert into admission.${table.name} values ('something')`);
        }
        await client.query('update admission.read_models set version = 0 where name = $1', [name]);
      }
      const process = await startProcess([checkin], database.url);
      const statuses = new Set<number>();
      for (let ready = false; !ready;) {
        ready = await isReady(process);
        statuses.add((await process.call('GET', target, asAdmin)).status);
        statuses.add((await process.call('GET', `${API}demo/events/openair/checkinlists/`, asAdmin)).status);
      }
      for (const status of [200, 503]) statuses.delete(status);
      expect([...statuses]).toEqual([]);
      expect((await process.call('POST', `${target}redeem/`, { ...asAdmin, json: {} })).body).toMatchObject({
        status: 'error',
        reason: 'already_redeemed',
      });
      await process.close();
      expect(await differences(database.url)).toEqual([]);
    }
  } finally {
    await client.end();
    await database.drop();
  }
});
