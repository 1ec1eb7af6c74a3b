import type { Contents, ReadObject } from './entry';
import { IdTable } from './id-table';
import { places } from './places';
import type { Issue, Note } from './raw';
import { place } from './rows';
import { secretKey } from './same-secret';
import type { OwnedKind, Owners } from './stored';

/**
 * Credentials of earlier imports and of the command line: the hash of each secret, and the organizer or event that has it.
 */
export type KnownSecrets = {
  readonly tokens: ReadonlyMap<string, string>;
  readonly droidKeys: ReadonlyMap<string, string>;
};

/** The claims of an object that another object has already. */
export type Clashes = { readonly issues: Issue[]; readonly notes: Note[] };

/** Names, ids, codes and secrets that must be unique, and the object that has each. */
export type Claims = {
  /**
   * Claims everything of an object that must be unique. Returns what another object of this export or an earlier one has
   * already.
   */
  claim(object: ReadObject): Clashes;
  /**
   * With `skipInvalid`: the secrets that several tickets claim. Which ticket keeps one is decided after all orders are
   * read.
   */
  readonly contested: ReadonlySet<string>;
  /** Where the export first names a position, such as `events/openair/orders.ndjson:17`. */
  placeOfPosition(id: number): string;
};

/** The claims of one import; millions of ids take 12 to 36 bytes each. */
export function openClaims(options: { owners: Owners; secrets: KnownSecrets; skipInvalid: boolean }): Claims {
  const { owners, secrets, skipInvalid } = options;
  const where = places();
  /** Where each id, order code and seat was first named, as a number of `where`. */
  const ids = new Map<OwnedKind, IdTable>();
  const codes = new IdTable();
  const guids = new IdTable();
  const names = new Map<string, string>();
  /** The position that has each secret. */
  const holders = new IdTable();
  const contested = new Set<string>();

  const placeOfPosition = (id: number) => where.of(ids.get('position')!.get(id)!).place;
  return {
    claim(object) {
      const claiming: Claiming = { object, issues: [], notes: [] };
      claim(claiming);
      return claiming;
    },
    contested,
    placeOfPosition,
  };

  function claim(by: Claiming): void {
    const { object } = by;
    switch (object.kind) {
      case 'plan':
      case 'scan':
      case 'layoutfile':
        return;
      case 'organizer':
        return claimName(by, `organizer ${object.content!.organizer}`, 'slug');
      case 'event':
        return claimName(by, `event ${object.content!.organizer}/${object.content!.event}`, 'slug');
      case 'channel':
        return claimName(by, `channel ${object.content!.organizer}/${object.content!.identifier}`, 'identifier');
      case 'device':
        return claimName(by, `device ${object.content!.organizer}/${object.content!.device_id}`, 'device_id');
      case 'badgelayout':
      case 'badgeitem':
      case 'revokedsecret':
      case 'blockedsecret':
        return claimName(by, `${object.kind} ${ownerOf(object.content!)}/${object.content!.id}`, 'id');
      case 'droidkey': {
        const { key_hash: hash } = object.content!;
        return claimSecret(by, 'key', { hash, owner: ownerOf(object.content!), known: secrets.droidKeys });
      }
      case 'token':
        object.content!.forEach(({ token_hash: hash, organizer: owner }, i) =>
          claimSecret(by, `tokens[${i}].token`, { hash, owner, known: secrets.tokens }),
        );
        return;
      case 'order':
        return claimOrder(by, object.content!);
      case 'item': {
        const owner = ownerOf(object.content!);
        claimId(by, 'id', { kind: 'item', id: object.content!.id, owner });
        object.content!.variations.forEach(({ id }, i) => {
          claimId(by, `variations[${i}].id`, { kind: 'variation', id, owner });
        });
        return;
      }
      case 'seat':
        claimId(by, 'id', { kind: 'seat', id: object.content!.id, owner: ownerOf(object.content!) });
        return claimGuid(by, object.content!);
      default:
        claimId(by, 'id', { kind: object.kind, id: object.content!.id, owner: ownerOf(object.content!) });
    }
  }

  function claimName({ object, issues }: Claiming, name: string, path: string): void {
    const before = names.get(name);
    if (before === undefined) names.set(name, place(object.file, object.index));
    else issues.push({ path, reason: `${name} is in ${before}, too` });
  }

  function claimSecret({ object, issues }: Claiming, path: string, secret: ClaimedSecret): void {
    const { hash, owner, known } = secret;
    const name = `secret ${path.replace(/\W.*/, '')} ${hash}`;
    const before = names.get(name);
    const owned = known.get(hash);
    if (before !== undefined) issues.push({ path, reason: `the same one is in ${before}, too` });
    else if (owned !== undefined && owned !== owner) issues.push({ path, reason: `it is one of ${owned} already` });
    else names.set(name, place(object.file, object.index));
  }

  /** An id belongs to one event of one organizer of the one pretix installation that is mirrored here (import.md §3). */
  function claimId({ object, issues, notes }: Claiming, path: string, { kind, id, owner }: ClaimedId): void {
    let table = ids.get(kind);
    if (!table) ids.set(kind, (table = new IdTable()));
    const number = table.get(id);
    const before = number === undefined ? undefined : where.of(number);
    const other = before?.owner ?? owners.of(kind, id);
    if (other !== undefined && other !== owner) {
      const reason = `${id} of ${owner} is an id of ${other}, too; an installation of pretix gives an id once`;
      issues.push({ path, reason });
    } else if (before && kind !== 'position') issues.push({ path, reason: `${id} is in ${before.place}, too` });
    else if (before) notes.push('position.two_orders');
    else table.set(id, where.number(object, owner));
  }

  function claimGuid({ object, issues }: Claiming, seat: Contents['seat']): void {
    const name = `${ownerOf(seat)} ${seat.subevent} ${seat.seat_guid}`;
    const before = guids.get(name);
    if (before === undefined) guids.set(name, where.number(object, ownerOf(seat)));
    else {
      const reason = `${seat.seat_guid} is in ${where.of(before).place}, too, for this date`;
      issues.push({ path: 'seat_guid', reason });
    }
  }

  function claimOrder(by: Claiming, order: Contents['order']): void {
    const owner = ownerOf(order);
    const code = `${order.organizer}/${order.code}`;
    const before = codes.get(code);
    if (before === undefined) codes.set(code, where.number(by.object, owner));
    else by.issues.push({ path: 'code', reason: `${order.code} is in ${where.of(before).place}, too` });
    order.positions.forEach(({ id, canceled, secret }, i) => {
      claimId(by, `positions[${i}].id`, { kind: 'position', id, owner });
      if (canceled) return;
      const key = secretKey(order, secret);
      const holder = holders.get(key);
      if (holder === undefined) holders.set(key, id);
      else if (holder === id) return;
      else if (skipInvalid) contested.add(key);
      else {
        const reason = `position ${holder} (${placeOfPosition(holder)}) has the same secret`;
        by.issues.push({ path: `positions[${i}].secret`, reason });
      }
    });
  }
}

type Claiming = Clashes & { readonly object: ReadObject };
type ClaimedId = { readonly kind: OwnedKind; readonly id: number; readonly owner: string };
type ClaimedSecret = {
  readonly hash: string;
  readonly owner: string;
  /** The secrets of this kind from before the import. */
  readonly known: ReadonlyMap<string, string>;
};

const ownerOf = (content: { organizer: string; event: string }): string => `${content.organizer}/${content.event}`;
