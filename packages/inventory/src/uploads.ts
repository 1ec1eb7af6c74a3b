import { available } from '@gatehouse/eventing/postgres';
import type { Pool } from 'pg';

/** A file that somebody has uploaded, to be named in an answer within 24 hours (contract §8.8). */
export type Upload = {
  /** UUID. */
  readonly id: string;
  /** Whose it is: nobody else can name it. */
  readonly owner: string;
  /** Media type. */
  readonly type: string;
  /** Of its name, without the point, in lower case. */
  readonly extension: string;
  readonly content: Buffer;
};

/** What an answer needs to know of a file. */
export type UploadFound = Pick<Upload, 'type' | 'extension'>;

export type Uploads = {
  /** Keeps a file; the same id again changes nothing. What has expired is deleted with it. */
  keep(upload: Upload): Promise<void>;
  /** A file of that owner which has not expired. */
  find(owner: string, id: string): Promise<UploadFound | undefined>;
};

/** Few at a time, so that no upload waits for the files of a busy day. */
const DELETED_AT_ONCE = 20;

/** The uploaded files of the schema that the pool's connections see. */
export const uploads = (pool: Pool): Uploads => ({
  async keep({ id, owner, type, extension, content }) {
    await available(
      pool.query(
        `with expired as (
           delete from uploads where id in (
             select id from uploads where expires < now() order by expires limit ${DELETED_AT_ONCE}
             for update skip locked
           )
         )
         insert into uploads (id, owner, type, extension, content, expires)
         values ($1, $2, $3, $4, $5, now() + interval '24 hours')
         on conflict (id) do nothing`,
        [id, owner, type, extension, content],
      ),
    );
  },
  async find(owner, id) {
    const { rows } = await available(
      pool.query<UploadFound>('select type, extension from uploads where id = $1 and owner = $2 and expires >= now()', [
        id,
        owner,
      ]),
    );
    return rows[0];
  },
});
