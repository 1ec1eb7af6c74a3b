import type { InventoryEvent } from '@gatehouse/events/inventory';
import fc from 'fast-check';
import type { Decision } from './decider';
import { fold } from './decider';
import { hold, holdMany, type Held, type Hold, type HoldFacts } from './hold';
import { instantOf } from './instant';
import { inventory, restore, snapshotOf, type Inventory, type InventorySnapshot } from './inventory';
import { facts as base, ask as someAsk, quota as someQuota, voucher as someVoucher, where } from './inventory-in-test';
import { find } from './ordered';
import { returnPlaces, takePlaces, type PlacesOutcome } from './places';
import type { QuotaFacts } from './quota';
import { expireDue, release } from './release';
import type { SeatFacts } from './seat';
import type { ShopFacts } from './shop-facts';
import type { VoucherFacts } from './voucher';

/*
 * A small shop, and clients who reserve, delete and repeat in any order while the shop sells, changes its facts and time
 * passes. Our decisions are compared with a plain recount of the shop and the history. The facts of a decision are as of any
 * mix of moments: the shop's own and the releases of its carts are applied to them independently.
 */

type Product = { item: number; variation: number | null; date: number | null };
type ShopCart = Product & { id: number; cart_id: string; voucher: number | null; seat: string | null; expires: string };
type World = {
  minute: number;
  quotas: QuotaFacts[];
  vouchers: (VoucherFacts & { code: string; termsChangedAt: number })[];
  revision: number;
  carts: ShopCart[];
  /** The carts of the shop of which its counts know that they were released here. */
  leftOut: ReadonlySet<number>;
  soldSeats: string[];
  minimalDistance: number;
};

const PRODUCTS: readonly Product[] = [
  { item: 3, variation: null, date: null },
  { item: 4, variation: null, date: null },
  { item: 5, variation: 8, date: null },
  { item: 3, variation: null, date: 1 },
];
const SEATED = 4;
const SEATS = ['A-1', 'A-2', 'A-3'];
const at = (minute: number) => instantOf(Date.UTC(2027, 5, 1, 8, minute));

const quota = (id: number, data: Partial<QuotaFacts>): QuotaFacts => ({ ...someQuota, id, name: `Q${id}`, ...data });
const newWorld = (minimalDistance: number): World => ({
  minute: 0,
  quotas: [
    quota(1, { size: 7, items: [3, 4], close_when_sold_out: true }),
    quota(2, { size: 3, items: [5], variations: [8] }),
    quota(3, { size: 2, items: [3], date: 1 }),
    quota(4, { size: 6, items: [4] }),
    quota(5, { size: null, items: [3, 4], variations: [8] }),
  ],
  vouchers: [
    { ...someVoucher, id: 17, code: 'ONE', max_usages: 2, item: 3, termsChangedAt: 0 },
    { ...someVoucher, id: 18, code: 'ANY', max_usages: 2, blocks: true, item: 4, termsChangedAt: 0 },
    { ...someVoucher, id: 19, code: 'SEAT', item: 4, seat: 'A-2', termsChangedAt: 0 },
  ],
  revision: 0,
  carts: [],
  leftOut: new Set(),
  soldSeats: [],
  minimalDistance,
});

/* ---- the recount ---- */

const isOn = (q: QuotaFacts, p: Product) =>
  q.date === p.date && (p.variation === null ? q.items.includes(p.item) : q.variations.includes(p.variation));
const covers = (world: World, voucher: number | null) => {
  const found = world.vouchers.find(({ id }) => id === voucher);
  return found !== undefined && found.blocks && (found.valid_until === null || found.valid_until >= at(world.minute));
};
const blockedBy = (world: World, q: QuotaFacts) =>
  world.vouchers
    .filter((v) => covers(world, v.id) && isOn(q, { item: v.item!, variation: v.variation, date: v.date }))
    .reduce((sum, v) => sum + Math.max(0, v.max_usages - v.redeemed), 0);

/** The carts of the shop that have not expired. */
const shopCarts = (world: World) => world.carts.filter(({ expires }) => expires >= at(world.minute));
/** Those that the read model counts. */
const counted = (world: World) => shopCarts(world).filter(({ id }) => !world.leftOut.has(id));

/** What is taken; `as` decides whether a cart of the shop that was released here still counts. */
function recount(world: World, history: readonly InventoryEvent[], as: 'it is' | 'the shop counts') {
  const gone = new Set(
    history.flatMap((e) => (e.type === 'CartReleased' || e.type === 'CartExpired' ? [e.data.id] : [])),
  );
  if (as === 'the shop counts') for (const { id } of world.carts) if (!world.leftOut.has(id)) gone.delete(id);
  const ours = history.flatMap((e) => (e.type === 'CartReserved' ? [e.data] : []));
  const carts: ShopCart[] = [...shopCarts(world), ...ours.filter(({ expires }) => expires >= at(world.minute))];
  const live = carts.filter(({ id }) => !gone.has(id));
  const returned = new Set(history.flatMap((e) => (e.type === 'PlacesReturned' ? [e.data.batch] : [])));
  const batches = history.flatMap((e) => (e.type === 'PlacesTaken' && !returned.has(e.data.batch) ? [e.data] : []));
  return {
    live,
    left(q: QuotaFacts): number {
      const closedAt = history.flatMap((e) =>
        e.type === 'QuotaClosed' && e.data.quota === q.id ? [e.data.quota_revision] : [],
      );
      if (q.closed || closedAt.some((revision) => revision >= q.revision)) return 0;
      if (q.size === null) return Infinity;
      const inCarts = live.filter((cart) => isOn(q, cart) && !covers(world, cart.voucher)).length;
      const inBatches = batches.filter((b) => isOn(q, b)).reduce((sum, b) => sum + b.amount, 0);
      return q.size - q.paid - q.pending - blockedBy(world, q) - inCarts - inBatches - q.waiting;
    },
    uses: (voucher: number) => live.filter((cart) => cart.voucher === voucher).length,
    holders: (seat: string) => live.filter((cart) => cart.seat === seat && cart.date === null),
  };
}

/* ---- the facts, as a service would read them ---- */

const holders = (world: World, guid: string) => ({
  guid,
  sold: world.soldSeats.includes(guid),
  vouchers: world.vouchers.filter((v) => v.seat === guid && v.redeemed < v.max_usages).map(({ id }) => id),
  carts: counted(world)
    .filter(({ seat }) => seat === guid)
    .map(({ id, cart_id }) => ({ id, cart_id })),
  row: 'A',
  x: SEATS.indexOf(guid),
  y: 0,
});
const seatFacts = (world: World, guid: string): SeatFacts => ({
  ...holders(world, guid),
  name: guid,
  blocked: false,
  near: SEATS.filter((other) => other !== guid).map((other) => holders(world, other)),
});
const newsFor = (world: World, since: number): ShopFacts => ({
  revision: world.revision,
  since,
  changed: world.vouchers.filter(({ termsChangedAt }) => termsChangedAt > since),
});
function factsFor(world: World, ask: Pick<Hold, 'item' | 'seat' | 'voucher'>, since: number): HoldFacts {
  const voucher = world.vouchers.find(({ code }) => code === ask.voucher) ?? null;
  return {
    ...base,
    now: at(world.minute),
    product: { name: 'P', seated: ask.item === SEATED },
    quotas: world.quotas.map((q) => ({
      ...q,
      vouchers: blockedBy(world, q),
      carts: counted(world).filter((cart) => isOn(q, cart) && !covers(world, cart.voucher)).length,
    })),
    seating: { minimalDistance: world.minimalDistance, withinRow: true, blockedFor: [] },
    seat: ask.seat !== null && SEATS.includes(ask.seat) ? seatFacts(world, ask.seat) : null,
    voucher: voucher && { ...voucher, carts: counted(world).filter((cart) => cart.voucher === voucher.id).length },
    shop: newsFor(world, since),
  };
}

/* ---- one run ---- */

class Run {
  world: World;
  state: Inventory = inventory.initial;
  readonly history: InventoryEvent[] = [];
  readonly asks: Hold[] = [];
  private nextId = 1;
  /** Facts that were read and are not used yet. */
  private kept: { world: World; since: number } | null = null;

  constructor(minimalDistance: number) {
    this.world = newWorld(minimalDistance);
  }

  append<R>({ result, events }: Decision<R, InventoryEvent>): R {
    this.history.push(...events);
    this.state = fold(inventory, events, this.state);
    return result;
  }

  newAsk(product: Product, more: Partial<Hold>): Hold {
    const id = this.nextId++;
    const ask = { ...someAsk, ...product, id, cart_id: `${id % 3}@api`, request: `r/${id}`, ...more };
    const seated = ask.item === SEATED ? { seat: ask.seat ?? SEATS[id % 3]! } : { seat: null };
    this.asks.push({ ...ask, ...seated });
    return this.asks.at(-1)!;
  }

  keepFacts(): void {
    this.kept = { world: structuredClone(this.world), since: this.state.learnedRevision };
  }

  /** Current facts, or the kept ones, which may be old. */
  reading(old: boolean): { world: World; since: number } {
    return (old ? this.kept : null) ?? { world: this.world, since: this.state.learnedRevision };
  }

  hold(ask: Hold, old = false): void {
    const { world, since } = this.reading(old);
    const before = recount(world, this.history, 'the shop counts');
    const repeated = this.wasHeld(ask);
    const result = this.append(hold(factsFor(world, ask, since), ask)(this.state));
    if (!repeated) this.judge(ask, result, world, before);
  }

  private wasHeld(ask: Hold): boolean {
    return snapshotOf(this.state).held.some(({ request }) => request === ask.request);
  }

  holdMany(asks: readonly Hold[]): void {
    const { world, since } = this.reading(false);
    const start = this.history.length;
    const state = this.state;
    const list = asks.map((ask) => ({ facts: factsFor(world, ask, since), ask }));
    const results = this.append(holdMany(list)(this.state));
    // Each element as it would be decided alone, one after another.
    const written = this.history.splice(start);
    this.state = state;
    list.forEach(({ facts, ask }, i) => {
      const before = recount(world, this.history, 'the shop counts');
      const repeated = this.wasHeld(ask);
      const result = this.append(hold(facts, ask)(this.state));
      expect(result).toEqual(results[i]);
      if (!repeated) this.judge(ask, result, world, before);
    });
    expect(this.history.slice(start)).toEqual(written);
  }

  /** Checks a result by a recount before it, of what the shop counts, and one after it, of how things are. */
  private judge(ask: Hold, result: Held, world: World, before: ReturnType<typeof recount>): void {
    const after = recount(world, this.history, 'it is');
    const voucher = world.vouchers.find(({ code }) => code === ask.voucher);
    const usesLeft = (count: typeof after) =>
      voucher ? voucher.max_usages - voucher.redeemed - count.uses(voucher.id) : 1;
    if (result.outcome === 'stale') {
      expect(world).not.toBe(this.world);
      return;
    }
    if (result.outcome === 'refused') {
      if (result.reason === 'quota_exhausted') {
        expect(before.left(world.quotas.find(({ id }) => id === result.quota)!)).toBeLessThan(1);
      } else if (result.reason === 'voucher_used_up') expect(usesLeft(before)).toBeLessThan(1);
      else if (result.reason === 'seat_taken') expect(canSit(ask, world, before)).toBe(false);
      return;
    }
    expect(result.first).toBe(true);
    for (const q of world.quotas.filter((each) => isOn(each, ask))) {
      expect(before.left(q)).toBeGreaterThanOrEqual(1);
      // A reservation with a voucher that blocks takes the place that the voucher has.
      expect(after.left(q)).toBeGreaterThanOrEqual(0);
    }
    if (ask.expires >= at(world.minute)) expect(usesLeft(after)).toBeGreaterThanOrEqual(0);
    expect(usesLeft(before)).toBeGreaterThanOrEqual(1);
    if (ask.seat !== null) expect(canSit(ask, world, before)).toBe(true);
    const written = this.history.at(-1);
    expect(written?.type).toBe('CartReserved');
    if (written?.type !== 'CartReserved') return;
    const left = written.data.quotas.map(({ left }) => left ?? Infinity);
    const on = [...world.quotas].filter((each) => isOn(each, ask)).sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(left).toEqual(on.map((q) => before.left(q) - 1));
    // What a decision believes to be left is there.
    on.forEach((q, i) =>
      expect(left[i]).toBeLessThanOrEqual(after.left(q) + (covers(world, written.data.voucher) ? -1 : 0)),
    );
  }

  repeat(n: number): void {
    const ask = this.asks[n % Math.max(1, this.asks.length)];
    if (!ask) return;
    if (!this.wasHeld(ask)) return;
    const { result, events } = hold(factsFor(this.world, ask, this.state.learnedRevision), { ...ask, id: -1 })(
      this.state,
    );
    expect(events).toEqual([]);
    expect(result).toEqual({ outcome: 'held', id: ask.id, first: false });
  }

  release(n: number): void {
    const released = new Set(this.history.flatMap((e) => (e.type === 'CartReleased' ? [e.data.id] : [])));
    const ours = this.history.flatMap((e) => (e.type === 'CartReserved' ? [e.data] : []));
    const shown = [...this.world.carts, ...ours].filter(({ id }) => !released.has(id));
    const cart = shown[n % Math.max(1, shown.length)];
    if (!cart) return;
    const imported = this.world.carts.includes(cart);
    const decide = release({ ...where, now: at(this.world.minute), imported, cart });
    expect(this.append(decide(this.state)).outcome).toBe('released');
    expect(decide(this.state)).toEqual({ result: { outcome: 'gone' }, events: [] });
  }

  takePlaces(product: Product, amount: number, batch: string): void {
    const on = this.world.quotas.filter((q) => isOn(q, product));
    const before = recount(this.world, this.history, 'the shop counts');
    const earlier = find(this.state.batches, batch);
    const facts = factsFor(this.world, { item: product.item, seat: null, voucher: null }, this.state.learnedRevision);
    const result: PlacesOutcome = this.append(takePlaces(facts, { ...product, batch, amount })(this.state));
    expect(takePlaces(facts, { ...product, batch, amount })(this.state).events).toEqual([]);
    if (earlier) expect(result.outcome).toBe(earlier.places);
    else expect(result.outcome === 'taken').toBe(on.length > 0 && on.every((q) => before.left(q) >= amount));
  }

  /** The read model applies the releases of some more of the shop's carts. */
  leaveOut(amount: number): void {
    const released = this.history.flatMap((e) => (e.type === 'CartReleased' && e.data.imported ? [e.data.id] : []));
    this.world.leftOut = new Set(released.slice(0, this.world.leftOut.size + amount));
  }

  returnPlaces(batch: string): void {
    this.append(returnPlaces(where, batch)(this.state));
    expect(returnPlaces(where, batch)(this.state)).toEqual({ result: { returned: false }, events: [] });
  }

  expire(limit: number): void {
    const decide = expireDue(where, at(this.world.minute), limit);
    const { expired } = this.append(decide(this.state));
    if (expired < limit) expect(decide(this.state)).toEqual({ result: { expired: 0 }, events: [] });
  }

  /** Continues from a stored snapshot, as another process would. */
  restart(): void {
    const stored = JSON.parse(JSON.stringify(snapshotOf(this.state))) as InventorySnapshot;
    this.state = restore(stored)!;
    expect(snapshotOf(this.state)).toEqual(snapshotOf(fold(inventory, this.history)));
  }

  /** Decides some more and drops it, like a lane whose append lost a race. */
  loseRace(asks: readonly Hold[]): void {
    const before = JSON.stringify(this.state);
    const list = asks.map((ask) => ({ facts: factsFor(this.world, ask, this.state.learnedRevision), ask }));
    fold(inventory, holdMany(list)(this.state).events, this.state);
    fold(inventory, expireDue(where, at(this.world.minute + 100), 100)(this.state).events, this.state);
    expect(JSON.stringify(this.state)).toBe(before);
  }
}

/** The rule of §2.8, by a recount. */
function canSit(ask: Hold, world: World, count: ReturnType<typeof recount>): boolean {
  const voucher = world.vouchers.find(({ code }) => code === ask.voucher)?.id;
  const taken = (guid: string, own: boolean) =>
    world.soldSeats.includes(guid) ||
    world.vouchers.some((v) => v.seat === guid && v.redeemed < v.max_usages && v.id !== voucher) ||
    count.holders(guid).some((cart) => !own || cart.cart_id !== ask.cart_id);
  const distance = (guid: string) => Math.abs(SEATS.indexOf(guid) - SEATS.indexOf(ask.seat!));
  const tooNear = SEATS.filter((guid) => guid !== ask.seat && distance(guid) < world.minimalDistance);
  return !taken(ask.seat!, false) && !tooNear.some((guid) => taken(guid, true));
}

/* ---- what may happen ---- */

type Step = (run: Run) => void;
const product = fc.constantFrom(...PRODUCTS, PRODUCTS[1]!);
const anyAsk = fc.record({
  product,
  voucher: fc.constantFrom(null, null, 'ONE', 'ANY', 'SEAT'),
  seat: fc.constantFrom(null, ...SEATS),
  minutes: fc.integer({ min: -1, max: 40 }),
});
type AnyAsk = typeof anyAsk extends fc.Arbitrary<infer T> ? T : never;
const askOf = (run: Run, { product: of, voucher, seat, minutes }: AnyAsk): Hold =>
  run.newAsk(of, { voucher, seat, expires: at(run.world.minute + minutes) });

const changeQuota =
  (id: number, change: (q: QuotaFacts) => Partial<QuotaFacts>): Step =>
  (run) => {
    run.world.quotas = run.world.quotas.map((q) => (q.id === id ? { ...q, ...change(q) } : q));
  };
const changeTerms =
  (id: number, terms: { blocks: boolean; minutes: number | null }): Step =>
  (run) => {
    const { world } = run;
    const valid_until = terms.minutes === null ? null : at(world.minute + terms.minutes);
    world.revision++;
    world.vouchers = world.vouchers.map((v) =>
      v.id === id ? { ...v, blocks: terms.blocks, valid_until, termsChangedAt: world.revision } : v,
    );
  };
/** The shop states a cart, or one that it has stated before and that may have been released here since. */
const shopCart =
  (id: number, { product: of, voucher, seat, minutes }: AnyAsk): Step =>
  ({ world }) => {
    const cart = {
      ...of,
      id,
      cart_id: `${id % 3}@api`,
      voucher: world.vouchers.find(({ code }) => code === voucher)?.id ?? null,
      seat: of.item === SEATED ? (seat ?? 'A-1') : null,
      expires: at(world.minute + minutes),
    };
    world.carts = [...world.carts.filter((each) => each.id !== id), cart];
  };

const quotaId = fc.integer({ min: 1, max: 5 });
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: anyAsk.map(
      (ask): Step =>
        (run) =>
          run.hold(askOf(run, ask)),
    ),
  },
  {
    weight: 2,
    arbitrary: anyAsk.map(
      (ask): Step =>
        (run) =>
          run.hold(askOf(run, ask), true),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.array(anyAsk, { maxLength: 6 }).map(
      (asks): Step =>
        (run) =>
          run.holdMany(asks.map((ask) => askOf(run, ask))),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat().map(
      (n): Step =>
        (run) =>
          run.repeat(n),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.nat().map(
      (n): Step =>
        (run) =>
          run.release(n),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 5 }).map(
      (limit): Step =>
        (run) =>
          run.expire(limit),
    ),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 0, max: 15 }).map(
      (n): Step =>
        (run) =>
          void (run.world.minute += n),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(product, fc.integer({ min: 1, max: 3 }), fc.constantFrom('a', 'b', 'c')).map(
      ([of, amount, batch]): Step =>
        (run) =>
          run.takePlaces(of, amount, batch),
    ),
  },
  fc.constantFrom('a', 'b', 'c').map(
    (batch): Step =>
      (run) =>
        run.returnPlaces(batch),
  ),
  fc.constant((run: Run) => run.restart()),
  fc.constant((run: Run) => run.keepFacts()),
  fc.array(anyAsk, { maxLength: 4 }).map(
    (asks): Step =>
      (run) =>
        run.loseRace(asks.map((ask) => askOf(run, ask))),
  ),
  // Changes by the shop.
  {
    weight: 5,
    arbitrary: fc.tuple(fc.integer({ min: 10_000, max: 10_004 }), anyAsk).map(([id, ask]) => shopCart(id, ask)),
  },
  {
    weight: 3,
    arbitrary: fc.integer({ min: 1, max: 5 }).map(
      (amount): Step =>
        (run) =>
          run.leaveOut(amount),
    ),
  },
  quotaId.map((id) => changeQuota(id, ({ paid }) => ({ paid: paid + 1 }))),
  quotaId.map((id) => changeQuota(id, ({ paid }) => ({ paid: Math.max(0, paid - 1) }))),
  quotaId.map((id) => changeQuota(id, ({ waiting }) => ({ waiting: waiting === 0 ? 1 : 0 }))),
  fc
    .tuple(quotaId, fc.constantFrom(null, 0, 2, 5), fc.constantFrom([3], [4], [3, 4]), fc.boolean())
    .map(([id, size, items, closes]) =>
      changeQuota(id, ({ revision }) => ({ revision: revision + 1, size, items, close_when_sold_out: closes })),
    ),
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(17, 18), fc.boolean(), fc.constantFrom(null, -1, 0, 5, 20))
      .map(([id, blocks, minutes]) => changeTerms(id, { blocks, minutes })),
  },
  // Another process learns of it first; then a decision is made on older facts.
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(17, 18), fc.boolean(), anyAsk, anyAsk)
      .map(([id, blocks, first, second]): Step => (run) => {
        run.keepFacts();
        changeTerms(id, { blocks, minutes: null })(run);
        run.hold(askOf(run, first));
        run.hold(askOf(run, second), true);
      }),
  },
  fc.constantFrom(...SEATS).map((seat): Step => (run) => {
    run.world.soldSeats = run.world.soldSeats.includes(seat) ? [] : [seat];
  }),
);

test('no quota, seat or voucher is ever over its limit, nobody is refused a place that the shop knows to be free, and a repeat writes nothing', () => {
  const reached = new Map<string, number>();
  fc.assert(
    fc.property(fc.constantFrom(0, 1.5), fc.array(anyStep, { minLength: 10, maxLength: 60 }), (distance, steps) => {
      const run = new Run(distance);
      for (const step of steps) step(run);
      for (const { type } of run.history) reached.set(type, (reached.get(type) ?? 0) + 1);
      expect(snapshotOf(fold(inventory, run.history))).toEqual(snapshotOf(run.state));
    }),
    { numRuns: 300 },
  );
  // Checks that the steps have reached all results.
  expect([...reached.keys()].sort()).toEqual([
    'CartExpired',
    'CartReleased',
    'CartReserved',
    'PlacesRefused',
    'PlacesReturned',
    'PlacesTaken',
    'QuotaClosed',
    'VoucherTermsChanged',
  ]);
});
