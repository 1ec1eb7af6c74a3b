import { Client, type QueryResult } from 'pg';

/** Why a database cannot be used, as a sentence for a person: what is wrong and what to do. Contains no password. */
export class UnusableDatabase extends Error {
  override name = 'UnusableDatabase';
}

/** The oldest version on which Gatehouse was tested. */
const OLDEST_MAJOR = 15;
const PATIENCE_MS = 5_000;

type Facts = {
  version: number;
  encoding: string;
  standby: boolean;
  role: string;
  mayCreate: boolean;
  trigrams: string | null;
  trigramsAvailable: boolean;
  limit: number;
  inUse: number;
};

const FACTS = `
  select current_setting('server_version_num')::integer / 10000 as version,
    pg_encoding_to_char(d.encoding) as encoding,
    pg_is_in_recovery() or current_setting('transaction_read_only')::boolean as standby,
    current_user as role,
    has_database_privilege(d.oid, 'create') as "mayCreate",
    (select n.nspname::text from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'pg_trgm') as trigrams,
    exists (select from pg_available_extensions where name = 'pg_trgm') as "trigramsAvailable",
    free.limit, free."inUse"
  from pg_database d join pg_roles r on r.rolname = current_user
  -- Of server, database and role the one that leaves least.
  cross join lateral (
    select bound.* from (values
      (current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
         - coalesce(current_setting('reserved_connections', true), '0')::integer,
       (select sum(numbackends)::integer from pg_stat_database)),
      (nullif(d.datconnlimit, -1), (select numbackends from pg_stat_database where datid = d.oid)),
      (nullif(r.rolconnlimit, -1), (select count(*)::integer from pg_stat_activity where usesysid = r.oid))
    ) as bound("limit", "inUse") where bound.limit is not null order by bound.limit - bound."inUse" limit 1
  ) free
  where d.datname = current_database()`;

/**
 * Checks that a process can use this database and open so many more connections. Throws UnusableDatabase otherwise: a start
 * that ends with a sentence is better than gates that fail one by one.
 */
export async function checkDatabase(url: string, connections: number): Promise<void> {
  const place = placeOf(url);
  const [one, other] = [await connected(url, place), await connected(url, place)];
  try {
    const problem =
      (await poolerProblem(one, other)) ?? problemOf((await one.query<Facts>(FACTS)).rows[0]!, connections);
    if (problem !== undefined) throw new UnusableDatabase(`The database ${place} cannot be used: ${problem}`);
  } finally {
    await Promise.all([one, other].map((client) => client.end().catch(() => undefined)));
  }
}

/**
 * Two connections must be two PostgreSQL sessions for as long as they are open. A pooler that assigns sessions per
 * transaction does not guarantee that.
 */
async function poolerProblem(one: Client, other: Client): Promise<string | undefined> {
  const session = async (client: Client) => pidOf(await client.query('select pg_backend_pid() as pid'));
  const before = await session(one);
  try {
    await other.query('begin');
    const [theirs, after] = [await session(other), await session(one)];
    await other.query('rollback');
    if (theirs !== before && after === before) return undefined;
  } catch (error) {
    // pgbouncer's error in statement mode, which has no transactions.
    if (codeOf(error) !== '08P01') throw error;
  }
  return 'a pooler lends its sessions for a transaction only, and locks do not outlive that; set pool_mode = session in pgbouncer, or connect to PostgreSQL directly.';
}

const pidOf = ({ rows }: QueryResult): unknown => (rows[0] as { pid: unknown }).pid;

function problemOf(facts: Facts, connections: number): string | undefined {
  const { version, encoding, role, limit } = facts;
  // Without the two connections of this check, which will be closed.
  const inUse = facts.inUse - 2;
  if (version < OLDEST_MAJOR) return `its server is PostgreSQL ${version}; use ${OLDEST_MAJOR} or later.`;
  if (encoding !== 'UTF8') {
    return `its encoding is ${encoding}, which does not hold every name; make another one: create database … encoding 'UTF8' template template0.`;
  }
  if (facts.standby) return 'it is read-only, a standby perhaps; name the primary server.';
  if (!facts.mayCreate) {
    return `the role ${role} may not create schemas in it; let its owner say: grant create on database … to ${role}.`;
  }
  if (facts.trigrams !== null && facts.trigrams !== 'public') {
    return `the extension pg_trgm is in the schema ${facts.trigrams}; let an administrator say: alter extension pg_trgm set schema public.`;
  }
  if (facts.trigrams === null && !facts.trigramsAvailable) {
    return 'the extension pg_trgm is not there; install the package with PostgreSQL\'s "contrib" modules on its server.';
  }
  if (inUse + connections > limit) {
    return (
      `this process needs ${connections} connections, and ${Math.max(0, limit - inUse)} of ${limit} are free; ` +
      `raise the limit by at least ${inUse + connections - limit} (max_connections of the server, or the connection limit of database or role), or run fewer processes.`
    );
  }
  return undefined;
}

/** User, host and database of a URL, without the password. */
function placeOf(url: string): string {
  const { user, host, port, database } = new Client(url);
  return `${database} (${user ?? '?'} at ${host}:${port})`;
}

async function connected(url: string, place: string): Promise<Client> {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: PATIENCE_MS,
    query_timeout: PATIENCE_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return client;
  } catch (cause) {
    throw new UnusableDatabase(`The database ${place} cannot be used: ${reasonOf(cause)}`, { cause });
  }
}

/** Why a connection failed. */
function reasonOf(cause: unknown): string {
  const code = codeOf(cause);
  const words = String((cause as { message?: unknown }).message ?? cause) || code;
  if (code === '3D000') return 'there is no such database; create it, or correct its URL.';
  if (code === '28P01' || code === '28000')
    return `it does not let us in (${words}); correct user and password in its URL.`;
  if (code === '53300')
    return `it takes no more connections (${words}); raise max_connections, or run fewer processes.`;
  if (code === '57P03') return `its server is starting or stopping (${words}); try again when it is up.`;
  if (/SSL|certificate/i.test(words)) {
    return `no secured connection can be made (${words}); see sslmode and sslrootcert in its URL.`;
  }
  return `no connection can be made (${words}); is PostgreSQL running there, and is the URL right?`;
}

const codeOf = (error: unknown): string => String((error as { code?: unknown } | null)?.code ?? '');
