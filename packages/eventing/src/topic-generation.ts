import type { Admin } from 'kafkajs';
import type { Pool } from 'pg';
import { incarnationOf, type Incarnation } from './kafka-topics';
import { available } from './postgres';

/**
 * The topic is not the one to which the checkpoint belongs: it is on another broker, or was emptied or shortened.
 * Continuing would leave a silent gap, so relay and consumers stop, and the message names the command that repairs it
 * (design §8).
 */
export class WrongGeneration extends Error {
  override name = 'WrongGeneration';
}

/** Whose checkpoints are offsets in a topic: the relay that fills it, or a group that reads it. */
export type Reader = { readonly name: string; readonly topic: string };

/** The relay's name in `checkpoints` and `topic_generations`. */
export const RELAY = 'relay';

type Row = { cluster: string; generation: string; ends: string[] };

/**
 * Compares the topic with its recorded generation, and records it the first time. Throws WrongGeneration, also when the
 * topic does not exist or was not made by the topic command.
 */
export async function sameGeneration(pool: Pool, admin: Admin, reader: Reader): Promise<Incarnation> {
  const { name, topic } = reader;
  const now = await incarnationOf(admin, topic);
  if (!now) throw new WrongGeneration(`There is no topic ${topic}: make it with \`gatehouse topics apply\`.`);
  if (now.generation === '0') {
    throw new WrongGeneration(`The topic ${topic} was not made by us: check it with \`gatehouse topics apply\`.`);
  }
  const { rows } = await available(
    pool.query<Row>(
      'select cluster, generation::text as generation, ends::text[] as ends from topic_generations where name = $1 and topic = $2',
      [name, topic],
    ),
  );
  const [seen] = rows;
  const change = seen && differenceOf(seen, now);
  if (change) throw new WrongGeneration(`The topic ${topic} ${change}. ${mendingOf(reader)}`);
  await available(
    pool.query(
      `insert into topic_generations (name, topic, cluster, generation, ends) values ($1, $2, $3, $4, $5)
       on conflict (name, topic) do update set ends = excluded.ends`,
      [name, topic, now.cluster, now.generation, now.ends.map(String)],
    ),
  );
  return now;
}

function differenceOf(seen: Row, now: Incarnation): string | undefined {
  if (seen.cluster !== now.cluster) return 'is in another Kafka cluster than before';
  if (seen.generation !== now.generation) return 'was deleted and made anew';
  if (seen.ends.some((end, partition) => (now.ends[partition] ?? -1n) < BigInt(end))) return 'has lost events';
  return undefined;
}

/** The advice for a topic of another generation. */
export function mendingOf({ name, topic }: Reader): string {
  return name === RELAY
    ? 'Fill it again from history with `gatehouse relay rewind`, which also accepts the topic as it is now.'
    : `When its relay has filled it again, read it from its beginning with \`gatehouse consumer reset ${name} --topic ${topic}\`.`;
}

/** Forgets the recorded generation, so that the next start accepts the topic as it is. For repair commands. */
export async function acceptGeneration(pool: Pick<Pool, 'query'>, { name, topic }: Reader): Promise<void> {
  await pool.query('delete from topic_generations where name = $1 and topic = $2', [name, topic]);
}
