export const COLUMNS = 'position, id, stream, revision, type, version, data, time, actor, trace';
const FOLLOW_BATCH = 1_000;
const LOOKED_AT = 5_000;
/**
 * Bytes of the table in one batch, which a follower holds in memory uncompressed; large events are compressed in the table.
 */
const FOLLOW_BYTES = 2 * 1024 * 1024;

/** The events after a position, as many as a follower takes at once. */
export const FOLLOW_ALL = `select ${COLUMNS} from (
    select *, sum(bytes) over (order by position) - bytes as bytes_before
    from (
      select ${COLUMNS}, pg_column_size(data) as bytes
      from events where position > $1 order by position limit ${FOLLOW_BATCH}
    ) next
  ) sized
  where bytes_before < ${FOLLOW_BYTES} order by position`;
/**
 * The same of some types only, of which a row is `wanted`. The last row is the last event that was looked at, of whatever type;
 * what events of other types say is not read.
 */
export const FOLLOW_SOME = `select ${COLUMNS}, wanted from (
    select *, max(position) over () as last
    from (
      select *, sum(bytes) over before - bytes as bytes_before, sum(wanted::integer) over before as number
      from (
        select ${COLUMNS.replace(' data,', ' case when type = any($2) then data end as data,')}, type = any($2) as wanted,
          case when type = any($2) then pg_column_size(data) else 0 end as bytes
        from events where position > $1 order by position limit ${LOOKED_AT}
      ) next
      window before as (order by position)
    ) sized
    where bytes_before < ${FOLLOW_BYTES} and number <= ${FOLLOW_BATCH}
  ) looked_at
  where wanted or position = last order by position`;
