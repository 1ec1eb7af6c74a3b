import { reference, type DeviceFact, type DroidKeyFact, type TokenFact } from '@gatehouse/events/reference';
import type { Envelope } from '@gatehouse/events/envelope';
import { coalesce } from '@gatehouse/eventing/coalesce';
import type { Tx } from '@gatehouse/eventing/event-bus';
import { available } from '@gatehouse/eventing/postgres';
import type { ReadModel } from '@gatehouse/eventing/read-model';
import { Recent } from '@gatehouse/eventing/recent';
import type { Pool } from 'pg';
import type { News } from './news';

/** The holder of a secret, as reference states it. */
export type Credential =
  | { readonly kind: 'token'; readonly fact: TokenFact }
  | { readonly kind: 'device'; readonly fact: DeviceFact }
  | { readonly kind: 'droidkey'; readonly fact: DroidKeyFact };

/** Read model `credentials`, by the hash of the secret; the secret itself is not stored. */
export const credentialsModel: ReadModel = {
  name: 'credentials',
  version: 1,
  sql: `
    create table credentials (
      stream text collate "C" primary key,
      hash text collate "C",
      kind text not null,
      revision integer not null,
      fact json not null
    );
    create index credentials_by_hash on credentials (hash);
  `,
  tables: [{ name: 'credentials', key: 'stream', columns: 'r.stream, r.hash, r.kind, r.revision, r.fact::jsonb' }],
  handles: { reference: stateCredentials },
  only: ['TokenStated', 'DeviceStated', 'DroidKeyStated'],
};

async function stateCredentials(tx: Tx, events: readonly Envelope[]): Promise<void> {
  const newest = new Map<string, { credential: Credential; hash: string | null; revision: number }>();
  for (const stored of events) {
    const event = reference.read(stored);
    if (event?.type === 'TokenStated') {
      const { data: fact } = event;
      newest.set(stored.stream, {
        credential: { kind: 'token', fact },
        hash: fact.token_hash,
        revision: stored.revision,
      });
    } else if (event?.type === 'DeviceStated') {
      const { data: fact } = event;
      newest.set(stored.stream, {
        credential: { kind: 'device', fact },
        hash: fact.token_hash,
        revision: stored.revision,
      });
    } else if (event?.type === 'DroidKeyStated') {
      const { data: fact } = event;
      newest.set(stored.stream, {
        credential: { kind: 'droidkey', fact },
        hash: fact.key_hash,
        revision: stored.revision,
      });
    }
  }
  if (newest.size === 0) return;
  const rows = [...newest];
  await tx.query(
    `insert into credentials (stream, hash, kind, revision, fact)
     select * from unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::json[])
     on conflict (stream) do update
       set hash = excluded.hash, kind = excluded.kind, revision = excluded.revision, fact = excluded.fact
       where credentials.revision < excluded.revision`,
    [
      rows.map(([stream]) => stream),
      rows.map(([, row]) => row.hash),
      rows.map(([, row]) => row.credential.kind),
      rows.map(([, row]) => row.revision),
      rows.map(([, row]) => JSON.stringify(row.credential.fact)),
    ],
  );
}

/** Most credentials in a process's cache, which saves parsing their facts for each scan. */
const REMEMBERED = 2_000;

/** Parses credentials from their facts' JSON; the same text gives the same object. */
export function credentialMemo(): (kind: Credential['kind'], fact: string) => Credential {
  const recent = new Recent<Credential>(REMEMBERED);
  return (kind, fact) => {
    const known = recent.get(fact);
    if (known?.kind === kind) return known;
    const credential = { kind, fact: JSON.parse(fact) as unknown } as Credential;
    recent.set(fact, credential);
    return credential;
  };
}

/** The credential whose secret has this SHA-256 (hex), from the read model. */
export type CredentialFinder = (kind: Credential['kind'], hash: string) => Promise<Credential | undefined>;

/** One is found for all requests that wait: most of a festival's come with a few tokens. */
const LIMITS = { batch: 500, waiting: 10_000 };

/** Finds credentials in one read for all who ask at once. `news` is asked before an unknown one is refused. */
export function credentialFinder({ pool, news }: { pool: Pool; news: News }): CredentialFinder {
  const credentialOf = credentialMemo();
  const reads = coalesce<string, readonly Credential[]>(async (asked) => {
    const { rows } = await available(
      pool.query<{ hash: string; kind: Credential['kind']; fact: string }>({
        name: 'find_credentials',
        text: 'select hash, kind, fact::text as fact from credentials where hash = any($1::text[])',
        values: [[...new Set(asked)]],
      }),
    );
    return asked.map((hash) =>
      rows.filter((row) => row.hash === hash).map(({ kind, fact }) => credentialOf(kind, fact)),
    );
  }, LIMITS);
  const find: CredentialFinder = async (kind, hash) =>
    (await reads.ask(hash)).find((credential) => credential.kind === kind);
  return async (kind, hash) => {
    const found = await find(kind, hash);
    return found || !(await news()) ? found : find(kind, hash);
  };
}
