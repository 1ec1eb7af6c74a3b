import type { Pool } from 'pg';
import type { Position } from './event-store';

/** Events deleted in one transaction: few, so that its locks are short. */
const CHUNK = 5_000;

/**
 * Deletes old events of the streams whose names begin with `prefix` from a context's history on PostgreSQL: those recorded
 * before `before` and at or before the position `upTo` (null: no limit). No read model and no decision may depend on them.
 * The newest event of the context is kept, because a replay up to a checkpoint at it would wait for it. Remaining events
 * keep their position and revision; the writer of a deleted stream begins another one. Returns the number of deleted
 * events.
 */
export async function purgeStreams(
  pool: Pool,
  { prefix, before, upTo }: { prefix: string; before: Date; upTo: Position | null },
  progress: (deleted: number) => void = () => undefined,
): Promise<number> {
  let deleted = 0;
  for await (const stream of streamsOf(pool, prefix)) {
    for (let rows = CHUNK; rows === CHUNK;) {
      const { rowCount } = await pool.query(
        `delete from events where position in (
           select position from events
           where stream = $1 and time < $2 and ($3::bigint is null or position <= $3)
             and position < (select max(position) from events)
           order by revision limit ${CHUNK}
         )`,
        [stream, before.toISOString(), upTo],
      );
      rows = rowCount ?? 0;
      deleted += rows;
      progress(deleted);
    }
  }
  return deleted;
}

/** One index lookup per stream, however many events it has. */
async function* streamsOf(pool: Pool, prefix: string): AsyncGenerator<string> {
  for (let after = prefix; ;) {
    const { rows } = await pool.query<{ stream: string }>(
      'select stream from events where stream > $1 and stream < $2 || chr(1114111) order by stream limit 1',
      [after, prefix],
    );
    const [next] = rows;
    if (!next) return;
    yield next.stream;
    after = next.stream;
  }
}
