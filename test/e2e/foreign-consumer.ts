import { EVENT_STORE_SQL, migrate, openPool } from '@gatehouse/eventing/postgres';
import { kafkaBus } from '@gatehouse/eventing/kafka-bus';
import { readConfig } from '@gatehouse/service/config';
import { createLog } from '@gatehouse/service/log';
import { startTelemetry } from '@gatehouse/service/telemetry';

/* A small service of another context, which records admissions in PostgreSQL. The trace test runs it. */

const SCHEMA = 'visitors';

async function main(): Promise<void> {
  const config = readConfig();
  const log = createLog('info');
  await startTelemetry(config.telemetry, { name: SCHEMA, log });
  if (config.eventBus.kind !== 'kafka') throw new Error('it reads Kafka');
  const pool = openPool(config.databaseUrl!, SCHEMA, 4);
  await migrate(pool, SCHEMA, EVENT_STORE_SQL);
  await pool.query('create table if not exists visitors (position integer primary key)');
  const { connection, prefix } = config.eventBus;
  const bus = kafkaBus({ connection, prefix, pool, schema: SCHEMA, onHealth: () => undefined });
  log.info({ port: 0 }, 'ready for requests');
  await bus.consume(
    'visitors',
    ['admission'],
    async (tx, batch) => {
      for (const { type, data } of batch) {
        if (type !== 'PositionRedeemed') continue;
        const { position } = data as { position: number };
        await tx.query('insert into visitors values ($1) on conflict do nothing', [position]);
      }
    },
    { signal: new AbortController().signal },
  );
}

void main();
