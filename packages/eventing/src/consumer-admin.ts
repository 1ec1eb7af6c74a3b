import type { Pool } from 'pg';
import { inTransaction } from './postgres';
import { acceptGeneration, type Reader } from './topic-generation';

export type ConsumerStatus = {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  /** The offset from which on nothing is applied. */
  readonly position: string;
  /** The event that cannot be applied, when the partition stands still there. `event` has its id and type, no more. */
  readonly stuck: { readonly event: unknown; readonly error: string; readonly since: string } | null;
};

/** The checkpoints of this context's consumers on Kafka. */
export async function consumerStatus(pool: Pool): Promise<ConsumerStatus[]> {
  const { rows } = await pool.query<ConsumerStatus>(
    `select c.name, c.topic, c.partition, c.position,
            case when s.name is not null then json_build_object('event', s.event, 'error', s.error, 'since', s.since) end as stuck
     from checkpoints c
     left join stuck_events s on s.name = c.name and s.topic = c.topic and s.partition = c.partition
       and s.next::bigint > c.position::bigint
     -- A topic's name has a dot, a store's has none.
     where c.topic like '%.%' order by c.name, c.topic, c.partition`,
  );
  return rows;
}

/** Sets a group back to the beginning of a topic, as it is now; a running consumer notices. False: it has never read it. */
export function resetConsumer(pool: Pool, reader: Reader): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    await acceptGeneration(tx, reader);
    const { rowCount } = await tx.query(`update checkpoints set position = '0' where name = $1 and topic = $2`, [
      reader.name,
      reader.topic,
    ]);
    await tx.query('delete from stuck_events where name = $1 and topic = $2', [reader.name, reader.topic]);
    return (rowCount ?? 0) > 0;
  });
}

/** Moves a consumer past the event at which it stands still, and records that. Answers the event's offset, null when it does not. */
export function skipStuckEvent(
  pool: Pool,
  { name, topic, partition, reason }: Reader & { partition: number; reason: string },
): Promise<string | null> {
  return inTransaction(pool, async (tx) => {
    // The consumer's own transaction takes this row first, too.
    const place = [name, topic, partition];
    const { rows } = await tx.query<{ position: string }>(
      'select position from checkpoints where name = $1 and topic = $2 and partition = $3 for update',
      place,
    );
    const [checkpoint] = rows;
    if (!checkpoint) return null;
    const stuck = await tx.query<{ position: string; next: string }>(
      `with gone as (
         delete from stuck_events
         where name = $1 and topic = $2 and partition = $3 and next::bigint > $4::bigint
         returning *
       )
       insert into skipped_events (name, topic, partition, position, event, error, reason)
       select name, topic, partition, position, event, error, $5 from gone
       returning position, (select next from gone) as next`,
      [...place, checkpoint.position, reason],
    );
    const [event] = stuck.rows;
    if (!event) return null;
    await tx.query('update checkpoints set position = $4 where name = $1 and topic = $2 and partition = $3', [
      ...place,
      event.next,
    ]);
    return event.position;
  });
}
