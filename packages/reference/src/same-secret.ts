import type { OrderContent } from './raw-orders';
import type { Spool } from './spool';

/** A secret with its event: secrets are unique per event. */
export const secretKey = (of: { organizer: string; event: string }, secret: string): string =>
  `${of.organizer}/${of.event} ${secret}`;

/** An order that is left out, because one of its positions has a secret that another position keeps. */
export type Beaten = {
  readonly stream: string;
  readonly position: number;
  readonly by: number;
  /** How many positions the order has. */
  readonly positions: number;
};

type Claim = {
  readonly stream: string;
  readonly rank: number;
  readonly datetime: string;
  readonly positions: number;
  readonly secrets: { readonly key: string; readonly position: number }[];
};

/** Valid tickets first. */
const RANKS: Readonly<Record<string, number>> = { p: 0, n: 1 };
const ENDED = 2;

/**
 * Decides which of the spooled orders keep the secrets that several of them claim: paid before pending before expired or
 * canceled, then the newer (import.md §3). Only orders that claim such a secret are kept in memory.
 */
export async function sameSecrets(
  spool: Pick<Spool, 'read'>,
  contested: ReadonlySet<string>,
): Promise<readonly Beaten[]> {
  const claims: Claim[] = [];
  for await (const { objects } of spool.read()) {
    for (const { kind, stream, json } of objects) {
      if (kind !== 'order') continue;
      const order = JSON.parse(json.toString()) as OrderContent;
      const secrets = order.positions
        .filter(({ canceled }) => !canceled)
        .map(({ id, secret }) => ({ key: secretKey(order, secret), position: id }))
        .filter(({ key }) => contested.has(key));
      if (secrets.length === 0) continue;
      const { status, datetime, positions } = order;
      claims.push({ stream, rank: RANKS[status] ?? ENDED, datetime, positions: positions.length, secrets });
    }
  }
  const kept = new Map<string, number>();
  const beaten: Beaten[] = [];
  for (const claim of claims.sort(byRank)) {
    const own = new Map<string, number>();
    for (const { key, position } of claim.secrets) {
      const holder = kept.get(key) ?? own.get(key);
      if (holder !== undefined && holder !== position) {
        beaten.push({ stream: claim.stream, position, by: holder, positions: claim.positions });
        own.clear();
        break;
      }
      own.set(key, position);
    }
    for (const [key, position] of own) kept.set(key, position);
  }
  return beaten;
}

function byRank(a: Claim, b: Claim): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  const [mine, theirs] = [Date.parse(a.datetime), Date.parse(b.datetime)];
  return theirs - mine || (a.stream < b.stream ? -1 : 1);
}
