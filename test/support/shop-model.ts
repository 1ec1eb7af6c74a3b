import { shopOrder, shopPosition, type Shop, type ShopOrder, type ShopPosition } from './shop';

/*
 * A model of a shop's state and its changes, and of the results expected at the gates. It uses none of Gatehouse's code: a
 * test compares the two (import.md §3).
 */

/** One change of a shop; its numbers select among the existing objects. */
export type Change = {
  readonly what: (typeof CHANGES)[number];
  readonly a: number;
  readonly b: number;
  readonly c: number;
};

export const CHANGES = [
  'order', 'order', 'position', 'position', 'addon', 'remove', 'remove', 'cancel', 'revive', 'move', 'move', 'split', 'empty',
  'status', 'status', 'testmode', 'rename', 'rescheme', 'invoice', 'newSecret', 'takeSecret', 'product', 'attention', 'checkin',
] as const; // prettier-ignore

const SCHEMES = ['given_family', 'family_given', 'family_comma_given'] as const;
type Scheme = (typeof SCHEMES)[number];
const NAMES = ['Ada', 'Grace', 'Emmy', 'Ærø', 'Zoë'];

type NameParts = { readonly given_name?: string; readonly family_name?: string; readonly _scheme?: Scheme };
type Checkin = { readonly list: number; readonly datetime: string; readonly type: string };
type Position = ShopPosition & {
  readonly attendee_name_parts: NameParts;
  readonly checkins: readonly Checkin[];
};
type Order = Omit<ShopOrder, 'positions'> & {
  readonly checkin_attention: boolean;
  readonly positions: readonly Position[];
  readonly invoice_address: { readonly name: string; readonly name_parts: NameParts } | null;
};

/** A ticket as the gates must have it. */
export type Expected = {
  readonly id: number;
  readonly secret: string;
  readonly item: number;
  readonly order: string;
  readonly status: string;
  readonly testmode: boolean;
  readonly attention: boolean;
  readonly canceled: boolean;
  readonly name: string | null;
};

export class ShopModel {
  scheme: Scheme = 'given_family';
  readonly orders = new Map<string, Order>();
  /** Secrets that no ticket has any more. */
  readonly free: string[] = [];
  #serial: number;

  constructor(readonly shop: Shop) {
    this.#serial = 100_000 + shop.gate * 100;
  }

  change({ what, a, b, c }: Change): void {
    const orders = [...this.orders.values()];
    const order = orders[a % Math.max(1, orders.length)];
    if (what === 'order' || !order) {
      const placed = shopOrder(`O${this.#serial}`, []);
      this.#put({ ...placed, positions: [], invoice_address: null, checkin_attention: false }, [this.#position(b, c)]);
      return;
    }
    const position = order.positions[b % Math.max(1, order.positions.length)];
    const others = (id: number) => order.positions.filter((each) => each.id !== id && each.addon_to !== id);
    const family = position
      ? order.positions.filter(({ id, addon_to: to }) => id === position.id || to === position.id)
      : [];
    const replace = (more: Partial<Position>) =>
      this.#put(
        order,
        order.positions.map((each) => (each.id === position?.id ? { ...each, ...more } : each)),
      );
    if (what === 'position') this.#put(order, [...order.positions, this.#position(b, c)]);
    else if (what === 'empty') this.#drop(order, order.positions, []);
    else if (what === 'status')
      this.#put({ ...order, status: (['p', 'n', 'e', 'c'] as const)[c % 4]! }, order.positions);
    else if (what === 'testmode') this.#put({ ...order, testmode: !order.testmode }, order.positions);
    else if (what === 'attention') this.#put({ ...order, checkin_attention: c % 2 === 0 }, order.positions);
    else if (what === 'rescheme') this.scheme = SCHEMES[c % SCHEMES.length]!;
    else if (what === 'invoice') {
      const address =
        c % 3 === 0 ? null : { name: c % 3 === 1 ? 'Company' : '', name_parts: this.#name(c), company: '' };
      this.#put({ ...order, invoice_address: address }, order.positions);
    } else if (!position) return;
    else if (what === 'addon') {
      const parent = position.addon_to ?? position.id;
      const addon = { ...this.#position(b, c), item: this.shop.addon, addon_to: parent, attendee_name_parts: {} };
      this.#put(order, [...order.positions, addon]);
    } else if (what === 'remove') this.#drop(order, family, others(position.id));
    else if (what === 'cancel') replace({ canceled: true });
    else if (what === 'revive') {
      if (position.canceled) replace({ canceled: false, secret: this.#secret() });
    } else if (what === 'move' || what === 'split') {
      const target =
        what === 'split' ? { ...order, code: `S${this.#serial++}`, positions: [] } : orders[c % orders.length]!;
      if (target.code === order.code || position.addon_to !== null) return;
      this.#put(order, others(position.id));
      this.#put(target, [...target.positions, ...family]);
    } else if (what === 'rename') replace({ attendee_name_parts: this.#name(c) });
    else if (what === 'newSecret') {
      this.free.push(position.secret);
      replace({ secret: this.#secret() });
    } else if (what === 'takeSecret') {
      const secret = this.free.pop();
      if (secret !== undefined) replace({ secret });
    } else if (what === 'product') {
      if (position.addon_to === null) replace({ item: c % 2 === 0 ? this.shop.pass : this.shop.day });
    } else {
      const list = c % 2 === 0 ? this.shop.gate : this.shop.dayGate;
      const row = { list, datetime: `2027-06-0${1 + (c % 7)}T10:00:00Z`, type: c % 3 === 0 ? 'exit' : 'entry' };
      replace({ checkins: [...position.checkins, row] });
    }
  }

  /** Every ticket of the shop. */
  tickets(): Expected[] {
    return [...this.orders.values()].flatMap((order) =>
      order.positions.map((position) => ({
        id: position.id,
        secret: position.secret,
        item: position.item,
        order: order.code,
        status: order.status,
        testmode: order.testmode,
        attention: order.checkin_attention,
        canceled: position.canceled,
        name: this.#shownName(order, position),
      })),
    );
  }

  /** The shop's own entries. */
  entries(): { list: number; ticket: number }[] {
    return [...this.orders.values()].flatMap(({ positions }) =>
      positions.flatMap(({ id, checkins }) =>
        checkins.filter(({ type }) => type === 'entry').map(({ list }) => ({ list, ticket: id })),
      ),
    );
  }

  /** Its own name, else its parent's, else that on the invoice (contract §2.2). */
  #shownName(order: Order, position: Position): string | null {
    const parent = order.positions.find(({ id }) => id === position.addon_to);
    const own = this.#written(position.attendee_name_parts) || (parent && this.#written(parent.attendee_name_parts));
    if (own) return own;
    const { invoice_address: address } = order;
    return address ? address.name || (this.#written(address.name_parts) ?? '') : null;
  }

  #written(parts: NameParts): string | null {
    const { given_name: given = '', family_name: family = '', _scheme: scheme = this.scheme } = parts;
    if (Object.keys(parts).length === 0) return null;
    if (scheme === 'given_family') return `${given} ${family}`.trim();
    return scheme === 'family_given'
      ? `${family} ${given}`.trim()
      : [family, given].filter((part) => part !== '').join(', ');
  }

  #put(order: Order, positions: readonly Position[]): void {
    this.orders.set(order.code, { ...order, positions });
  }

  #drop(order: Order, gone: readonly Position[], left: readonly Position[]): void {
    this.free.push(...gone.filter(({ canceled }) => !canceled).map(({ secret }) => secret));
    this.#put(order, left);
  }

  #position(b: number, c: number): Position {
    const id = this.#serial++;
    const item = b % 2 === 0 ? this.shop.pass : this.shop.day;
    const more = { item, secret: this.#secret(), attendee_name_parts: this.#name(c), checkins: [] };
    return shopPosition(id, more) as Position;
  }

  #secret(): string {
    return `s${this.#serial++}`;
  }

  #name(c: number): NameParts {
    if (c % 5 === 0) return {};
    const parts = { given_name: NAMES[c % NAMES.length]!, family_name: `Nr${c % 11}` };
    return c % 5 === 1 ? { ...parts, _scheme: SCHEMES[c % SCHEMES.length]! } : parts;
  }
}
