import { cart } from '@gatehouse/cart/service';
import { checkin } from '@gatehouse/checkin/service';
import { reference } from '@gatehouse/reference-service/service';
import { backendsInTest, type BackendsInTest } from '@gatehouse/test-support/backends';
import { festival, OPENAIR, TOKENS } from '@gatehouse/test-support/festival';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { testDatabase, type TestDatabase } from '@gatehouse/test-support/postgres';
import { startProcess, wireTo, type Process, type Wire } from '@gatehouse/test-support/process';
import { startSystem, type System } from '@gatehouse/test-support/system';
import { Client } from 'pg';

/*
 * Services in processes of their own, each context in its own database, share their stored replies: a key means the same at all of them
 * (contract §1.10).
 */

const lists = `${OPENAIR}checkinlists/`;
const query = (key: string) => `/api/v1/idempotency_query?key=${encodeURIComponent(key)}`;
const withKey = (key: string) => ({ token: TOKENS.admin, headers: { 'x-idempotency-key': key } });

async function keysIn(url: string): Promise<string[] | undefined> {
  const client = new Client(url);
  await client.connect();
  try {
    const { rows } = await client.query<{ there: boolean }>(
      "select to_regclass('transport.idempotency') is not null as there",
    );
    if (!rows[0]!.there) return undefined;
    return (await client.query<{ key: string }>('select key from transport.idempotency order by key')).rows.map(
      ({ key }) => key,
    );
  } finally {
    await client.end();
  }
}

describeWithKafka('contract §1.10 stored replies of two services whose contexts have databases of their own', () => {
  let backends: BackendsInTest;
  let system: System;
  beforeAll(async () => {
    backends = await backendsInTest({ store: 'PostgreSQL', bus: 'Kafka' });
    system = await startSystem([checkin, reference], backends.env);
    await system.import(festival());
  });
  afterAll(async () => {
    await system.close();
    await backends.close();
  });

  const databaseOf = (context: string) => backends.env[`${context}_DATABASE_URL`]!;

  test('are in the database of the gates: a key that was used at checkin is known to cart', async () => {
    const reservations: Process = await startProcess([cart], backends.env);
    const first = await system.call('POST', lists, { ...withKey('one'), json: { name: 'Once' } });
    expect(first.status).toBe(201);
    expect(await reservations.call('GET', query('one'), { token: TOKENS.admin })).toMatchObject({
      status: 201,
      text: first.text,
    });
    expect(await keysIn(databaseOf('ADMISSION'))).toEqual(['one']);
    expect(await keysIn(databaseOf('INVENTORY'))).toBeUndefined();
    expect(await keysIn(databaseOf('REFERENCE'))).toBeUndefined();
    await reservations.close();
  });

  describe('in a database of their own', () => {
    let own: TestDatabase;
    let wire: Wire;
    let gates: Process;
    beforeAll(async () => {
      own = await testDatabase();
      wire = await wireTo(own.url);
      gates = await startProcess([checkin], { ...backends.env, IDEMPOTENCY_DATABASE_URL: wire.url });
    });
    afterAll(async () => {
      await gates.close();
      await wire.close();
      await own.drop();
    });

    /** The status of /readyz once it gives this reason. */
    async function readinessWith(reason: string): Promise<number> {
      for (;;) {
        const { status, body } = await gates.call('GET', '/readyz');
        if ((body as { reasons: string[] }).reasons.includes(reason)) return status;
        await new Promise((again) => setTimeout(again, 50));
      }
    }

    test('are nowhere else; while it is away requests with a key get 503, and all others go on', async () => {
      const first = await gates.call('POST', lists, { ...withKey('two'), json: { name: 'Twice' } });
      expect(first.status).toBe(201);
      expect(await keysIn(own.url)).toEqual(['two']);
      expect(await keysIn(databaseOf('ADMISSION'))).toEqual(['one']);

      await wire.cut();
      expect(await gates.call('POST', lists, { ...withKey('two'), json: {} })).toMatchObject({ status: 503 });
      const unkeyed = await gates.call('POST', lists, { token: TOKENS.admin, json: { name: 'Without a key' } });
      expect(unkeyed.status).toBe(201);
      expect(await readinessWith('the database of idempotency keys cannot be reached')).toBe(200);
      await wire.mend();
      let again = await gates.call('POST', lists, { ...withKey('two'), json: {} });
      while (again.status === 503) again = await gates.call('POST', lists, { ...withKey('two'), json: {} });
      expect(again).toMatchObject({ status: 201, text: first.text });
    });
  });
});
