import type { Pool } from 'pg';
import type { Position } from './event-store';

/** Events deleted in one transaction: short, so that nobody waits for its locks. */
const CHUNK = 5_000;

/**
 * Deletes old events of a context's history on PostgreSQL, of the streams whose names begin with `prefix`, of which nothing may be
 * derived: no read model, no decision. Recorded before `before`, and not behind `upTo` (null: wherever they are). The newest event of all stays: a replay
 * up to a checkpoint at it would wait for it. What stays keeps its position and revision; a writer whose whole stream is gone begins another one. Answers how many were deleted.
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

/** One look into the index for each stream, however many events it has. */
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
