import { layoutsModel, layoutFinder, layoutFor, layoutOf } from '@gatehouse/shop/layouts';
import { checkin } from '@gatehouse/checkin/service';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* The ticket layouts of an export, as a context finds them (contract §9.1 `layout`). */

let system: System;
beforeEach(async () => {
  system = await startSystem([checkin]);
});
afterEach(() => system.close());

const OPENAIR = { organizer: 'demo', event: 'openair' };
const TOURS = { organizer: 'demo', event: 'tours' };
const text = (content: string) => [{ type: 'textarea', left: 1, bottom: 1, width: 9, fontsize: 9, content }];

const exportWith = (layouts: readonly object[], others: readonly object[] = []) => ({
  'organizer.json': { slug: 'demo', name: 'Demo' },
  'events/openair/event.json': { slug: 'openair', name: { en: 'Open Air' } },
  'events/openair/ticketlayouts.json': layouts,
  'events/tours/event.json': { slug: 'tours', name: { en: 'Tours' } },
  'events/tours/ticketlayouts.json': others,
});

it('A layout is found by its id in its event, in its newest state', async () => {
  await system.import(exportWith([{ id: 1, name: 'One', layout: text('item') }], [{ id: 2, name: 'Two' }]));
  expect(await layoutOf(system.pool, OPENAIR, 1)).toEqual({ id: 1, layout: text('item') });
  expect(await layoutOf(system.pool, TOURS, 1)).toBeUndefined();
  expect(await layoutOf(system.pool, TOURS, 2)).toEqual({ id: 2, layout: null });

  await system.import(exportWith([{ id: 1, name: 'One', layout: text('order') }]));
  expect(await layoutOf(system.pool, OPENAIR, 1)).toEqual({ id: 1, layout: text('order') });
  expect(await verifyReadModel(layoutsModel, system.feeds, () => undefined)).toEqual([]);
});

it('A request is checked against the layouts of its event', async () => {
  await system.import(exportWith([{ id: 1, name: 'One' }], [{ id: 2, name: 'Two' }]));
  const find = layoutFinder(system.pool, OPENAIR);
  expect(await find(1)).toEqual({ id: 1 });
  for (const id of [2, 3, 0, -1, 2 ** 31, 2 ** 53, 1e300]) expect(await find(id)).toBeUndefined();
});

it("Tickets have the event's default layout, or none", async () => {
  await system.import(exportWith([{ id: 1 }, { id: 3, default: true, layout: text('item') }], [{ id: 2 }]));
  expect(await layoutFor(system.pool, OPENAIR, 7, 'web')).toEqual({ id: 3, layout: text('item') });
  expect(await layoutFor(system.pool, TOURS, 7, 'web')).toBeNull();
});
