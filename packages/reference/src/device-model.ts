import type { Envelope } from '@gatehouse/events/envelope';
import { reference, type DeviceFact } from '@gatehouse/events/reference';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { available } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import type { Pool } from 'pg';

/** Read model `devices`: finds a device by the hash of its API token or of its set-up token. */
export const devicesModel: ReadModel = {
  name: 'devices',
  version: 1,
  sql: `
    create table devices (
      stream text collate "C" primary key,
      revision integer not null,
      token_hash text collate "C",
      setup_token_hash text collate "C",
      fact json not null
    );
    create index devices_by_token on devices (token_hash);
    create index devices_by_setup_token on devices (setup_token_hash);
  `,
  tables: [
    {
      name: 'devices',
      key: 'stream',
      columns: 'r.stream, r.revision, r.token_hash, r.setup_token_hash, r.fact::jsonb',
    },
  ],
  handles: { reference: stateDevices },
  only: ['DeviceStated'],
};

async function stateDevices(tx: Tx, events: readonly Envelope[]): Promise<void> {
  for (const stored of events) {
    const event = reference.read(stored);
    if (event?.type !== 'DeviceStated') continue;
    const { data: fact } = event;
    await tx.query(
      `insert into devices (stream, revision, token_hash, setup_token_hash, fact) values ($1, $2, $3, $4, $5)
       on conflict (stream) do update set revision = excluded.revision, token_hash = excluded.token_hash,
         setup_token_hash = excluded.setup_token_hash, fact = excluded.fact
         where devices.revision < excluded.revision`,
      [stored.stream, stored.revision, fact.token_hash, fact.setup_token_hash ?? null, JSON.stringify(fact)],
    );
  }
}

/** Which of a device's two secrets a hash is of. */
export type DeviceSecret = 'token_hash' | 'setup_token_hash';

/** The device with this secret, as the read model has it. */
export type DeviceFinder = (secret: DeviceSecret, hash: string) => Promise<DeviceFact | undefined>;

const FIND: Readonly<Record<DeviceSecret, string>> = {
  token_hash: 'select fact from devices where token_hash = $1 order by stream limit 1',
  setup_token_hash: 'select fact from devices where setup_token_hash = $1 order by stream limit 1',
};

/**
 * Finds devices. Before an unknown secret is refused, the read model catches up with history (`caughtUp`), which may hold
 * it already.
 */
export function deviceFinder({ pool, caughtUp }: { pool: Pool; caughtUp(): Promise<unknown> }): DeviceFinder {
  const find: DeviceFinder = async (secret, hash) => {
    const query = { name: `device_by_${secret}`, text: FIND[secret], values: [hash] };
    return (await available(pool.query<{ fact: DeviceFact }>(query))).rows[0]?.fact;
  };
  return async (secret, hash) => {
    const found = await find(secret, hash);
    if (found) return found;
    await caughtUp();
    return find(secret, hash);
  };
}
