import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { rebuildReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { CROWD, festival, LISTS, TICKETS, TOKENS } from '@gatehouse/test-support/festival';
import { testDatabase } from '@gatehouse/test-support/postgres';
import { startProcess } from '@gatehouse/test-support/process';
import { startSystem } from '@gatehouse/test-support/system';
import { Client } from 'pg';
import { differences, withFeeds } from './models';

/* All later statements queue behind a session that waits to change a table, so it must not wait for long. */

const connected = async (url: string): Promise<Client> => {
  const client = new Client(url);
  await client.connect();
  return client;
};

test('scans are answered while a backup reads the tables that a rebuild wants to swap', async () => {
  const system = await startSystem([checkin]);
  await system.import(festival());
  const backup = await connected(system.databaseUrl);
  const looker = await connected(system.databaseUrl);
  try {
    await backup.query('begin transaction isolation level repeatable read');
    for (const { name } of READ_MODELS.flatMap(({ tables }) => tables)) {
      await backup.query(`select count(*) from admission.${name}`);
    }
    for (const model of READ_MODELS) {
      let swapped = false;
      const rebuilding = withFeeds(system.databaseUrl, (feeds) =>
        rebuildReadModel(model, feeds, () => undefined).then(() => void (swapped = true)),
      );
      // Three attempts to swap.
      for (let tries = 0; tries < 3; tries++) {
        for (let waits = false; !waits;) {
          const { rows } = await looker.query(
            `select 1 from pg_locks where mode = 'AccessExclusiveLock' and not granted
               and database = (select oid from pg_database where datname = current_database())`,
          );
          waits = rows.length > 0;
        }
        const n = READ_MODELS.indexOf(model) * 3 + tries;
        const target = `${CROWD}checkinlists/${LISTS.crowd}/positions/${TICKETS.crowdFirst.id + n}/redeem/`;
        expect((await system.call('POST', target, { token: TOKENS.admin, json: {} })).status).toBe(201);
      }
      expect(swapped).toBe(false);
      await backup.query('commit');
      await rebuilding;
      await backup.query('begin transaction isolation level repeatable read');
      for (const { name } of READ_MODELS.flatMap(({ tables }) => tables)) {
        await backup.query(`select count(*) from admission.${name}`);
      }
    }
    await backup.query('commit');
    await system.settled();
    // Rows written while the swap was waiting are in the new tables.
    expect(await differences(system.databaseUrl)).toEqual([]);
  } finally {
    await backup.end();
    await looker.end();
    await system.close();
  }
});

test('nothing that creates, changes or drops a table waits for locks without a limit', async () => {
  const database = await testDatabase();
  const client = await connected(database.url);
  await client.query(`
    create function refuse_to_wait() returns event_trigger language plpgsql as $$
    begin
      if current_setting('application_name') = 'gatehouse' and current_setting('lock_timeout') in ('0', '') then
        raise exception '% without a lock_timeout', tg_tag;
      end if;
    end $$;
    create event trigger refuse_to_wait on ddl_command_start execute function refuse_to_wait();
  `);
  const running = await startProcess([checkin, legacyDroid], database.url);
  try {
    await withFeeds(database.url, async (feeds) => {
      for (const model of READ_MODELS) await rebuildReadModel(model, feeds, () => undefined);
    });
    expect(await differences(database.url)).toEqual([]);
    const { rows } = await client.query('select 1 from admission.read_models where generation = 2');
    expect(rows).toHaveLength(READ_MODELS.length);
  } finally {
    await running.close();
    await client.end();
    await database.drop();
  }
});
