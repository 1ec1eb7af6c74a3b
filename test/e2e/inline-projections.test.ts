import { checkin } from '@gatehouse/checkin/service';
import { admissionContext } from '@gatehouse/admission/context';
import { lockKey, openPool } from '@gatehouse/eventing/postgres';
import { readModelLock } from '@gatehouse/eventing/inline';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { festivalWith, ITEMS, LISTS, OPENAIR, order, position, TOKENS } from '@gatehouse/test-support/festival';
import { startSystem, type System } from '@gatehouse/test-support/system';
import type { Pool, PoolClient } from 'pg';

/*
 * A scan fills the read models in the transaction of its append; what an append cannot fill, their projections catch up with (issue 15,
 * docs/architecture.md).
 */

const TICKETS = Array.from({ length: 60 }, (_, i) => ({ id: 70_001 + i, secret: `inline-${i}`, code: `IN${100 + i}` }));

let system: System;
let pool: Pool;
/** Holds the locks that a test needs held. */
let client: PoolClient;
beforeAll(async () => {
  system = await startSystem([checkin]);
  const orders = TICKETS.map((ticket) => order(ticket.code, {}, [position(ticket, { item: ITEMS.pass })]));
  await system.import(festivalWith(orders));
  pool = openPool(system.databaseUrl, 'admission', 2);
  client = await pool.connect();
});
afterAll(async () => {
  client.release();
  await pool.end();
  await system.close();
});

let next = 0;
const scanOne = async (json: unknown = {}) => {
  const ticket = TICKETS[next++]!;
  const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${ticket.secret}/redeem/`;
  const { status } = await system.call('POST', target, { token: TOKENS.admin, json });
  return { ...ticket, status };
};

/** Whether the read model shows a ticket as entered, without waiting for it. */
async function isEntered(ticket: number): Promise<boolean> {
  const { rowCount } = await pool.query(
    `select from admission.checkins c join admission.admissions a using (ticket)
     where ticket = $1 and list = $2 and revision = (select count(*) from admission.events where stream = 'ticket-' || $1)`,
    [ticket, LISTS.main],
  );
  return rowCount === 1;
}

async function checkpoints(): Promise<{ behind: number }> {
  const { rows } = await pool.query<{ behind: number }>(
    `select count(*)::integer as behind from admission.checkpoints
     where topic = 'admission' and name in ('tickets', 'lists', 'nonces')
       and position::bigint < (select max(position) from admission.events)`,
  );
  return rows[0]!;
}

async function whileHolding(lock: { sql: string; values: unknown[] }, work: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await client.query(lock.sql, lock.values);
    await work();
  } finally {
    await client.query('rollback');
  }
}

/** Compares the read models with a replay of history. */
async function expectEqualToHistory(): Promise<void> {
  await system.settled();
  for (const model of admissionContext.readModels) {
    const differences = await verifyReadModel(model, system.feeds, () => undefined);
    expect({ model: model.name, differences }).toEqual({ model: model.name, differences: [] });
  }
}

/** Keeps the projections of the context's own history from working, so that only appends can fill read models. */
async function withoutProjections(work: () => Promise<void>): Promise<void> {
  const keys = ['tickets', 'lists', 'nonces'].map((name) => lockKey('consumer', 'admission', name, 'admission'));
  // Its connection is ended, and until it has another one the lock is taken here.
  for (const key of keys) {
    await pool.query(
      `select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objsubid = 1 and pid <> pg_backend_pid()
         and database = (select oid from pg_database where datname = current_database())
         and (classid::bigint << 32 | objid::bigint) = $1`,
      [key],
    );
    await client.query('select pg_advisory_lock($1)', [key]);
  }
  try {
    await work();
  } finally {
    for (const key of keys) await client.query('select pg_advisory_unlock($1)', [key]);
  }
}

test('a scan is in the read models when it is answered, though no projection runs', async () => {
  await withoutProjections(async () => {
    for (let n = 0; n < 5; n++) {
      const ticket = await scanOne();
      expect(ticket.status).toBe(201);
      expect(await isEntered(ticket.id)).toBe(true);
      expect(await checkpoints()).toEqual({ behind: 0 });
    }
  });
  await expectEqualToHistory();
});

test('so it is after refusals and forced repeats', async () => {
  await withoutProjections(async () => {
    const ticket = await scanOne();
    const target = `${OPENAIR}checkinlists/${LISTS.main}/positions/${ticket.secret}/redeem/`;
    const again = (json: unknown) => system.call('POST', target, { token: TOKENS.admin, json });
    expect((await again({})).status).toBe(400);
    expect(await checkpoints()).toEqual({ behind: 0 });
    // An earlier forced entry, uploaded later.
    expect((await again({ force: true, datetime: '2027-06-20T09:00:00Z' })).status).toBe(201);
    expect(await isEntered(ticket.id)).toBe(true);
    expect(
      (await system.call('POST', target.replace(ticket.secret, 'nobody'), { token: TOKENS.admin, json: {} })).status,
    ).toBe(404);
    expect(await checkpoints()).toEqual({ behind: 0 });
  });
  await expectEqualToHistory();
});

test.each([
  {
    name: 'another transaction has the lock of the read model',
    lock: {
      sql: "select pg_advisory_xact_lock(hashtextextended('admission', $1))",
      values: [readModelLock('tickets')],
    },
  },
  {
    name: 'another transaction has the checkpoint, as the swap of a rebuild does',
    lock: { sql: "select from admission.checkpoints where name = 'tickets' for update", values: [] },
  },
])('scans do not wait while $name, and the projection catches up afterwards', async ({ lock }) => {
  const scanned: number[] = [];
  await whileHolding(lock, async () => {
    for (let n = 0; n < 5; n++) {
      const ticket = await scanOne();
      expect(ticket.status).toBe(201);
      scanned.push(ticket.id);
      expect(await isEntered(ticket.id)).toBe(false);
    }
  });
  await system.settled();
  for (const id of scanned) expect(await isEntered(id)).toBe(true);
  await withoutProjections(async () => {
    const ticket = await scanOne();
    expect(ticket.status).toBe(201);
    expect(await isEntered(ticket.id)).toBe(true);
  });
  await expectEqualToHistory();
});

test('a read model that cannot take an event does not refuse the scan', async () => {
  const ticket = TICKETS[next]!;
  await pool.query(
    `create function admission.refuse() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
     create trigger refuse before insert or update on admission.checkins
       for each row when (new.ticket = ${ticket.id}) execute function admission.refuse()`,
  );
  try {
    expect((await scanOne()).status).toBe(201);
    expect((await scanOne()).status).toBe(201);
    expect(await isEntered(ticket.id)).toBe(false);
  } finally {
    await pool.query('drop trigger refuse on admission.checkins; drop function admission.refuse()');
  }
  await expectEqualToHistory();
  expect(await isEntered(ticket.id)).toBe(true);
});

test('so it is after lists were changed and deleted', async () => {
  const lists = `${OPENAIR}checkinlists/`;
  const made = await system.call('POST', lists, {
    token: TOKENS.admin,
    json: { name: 'Deleted', all_products: true, limit_products: [] },
  });
  expect(made.status).toBe(201);
  const { id } = made.body as { id: number };
  const ticket = await scanOne();
  const target = `${lists}${id}/positions/${ticket.secret}/redeem/`;
  expect((await system.call('POST', target, { token: TOKENS.admin, json: {} })).status).toBe(201);
  expect((await system.call('DELETE', `${lists}${id}/`, { token: TOKENS.admin })).status).toBe(204);
  expect((await scanOne()).status).toBe(201);
  await expectEqualToHistory();
  await withoutProjections(async () => {
    const other = await scanOne();
    expect(await isEntered(other.id)).toBe(true);
    expect(await checkpoints()).toEqual({ behind: 0 });
  });
});
