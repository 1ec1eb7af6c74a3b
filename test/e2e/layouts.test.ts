import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { layoutsModel, layoutFinder, layoutFor, layoutOf } from '@gatehouse/shop/layouts';
import { checkin } from '@gatehouse/checkin/service';
import type { Envelope } from '@gatehouse/events/envelope';
import type { Log } from '@gatehouse/eventing/log-bus';
import { replay } from '@gatehouse/eventing/projection';
import { rebuildReadModel, verifyReadModel } from '@gatehouse/eventing/read-model';
import { exportFolder, startSystem, type System } from '@gatehouse/test-support/system';
import { PNG } from 'pngjs';

/* The ticket layouts of an export, as a context finds them (contract §9.1 `layout`). */

let system: System;
beforeEach(async () => {
  system = await startSystem([checkin]);
});
afterEach(() => system.close());

const OPENAIR = { organizer: 'demo', event: 'openair' };
const TOURS = { organizer: 'demo', event: 'tours' };
const text = (content: string) => [{ type: 'textarea', left: 1, bottom: 1, width: 9, fontsize: 9, content }];

/** A PNG file; the shade makes it another one. */
function png(side: number, shade = 0): Buffer {
  const image = new PNG({ width: side, height: side });
  for (let at = 0; at < image.data.length; at++) image.data[at] = (at * at * 31 + at * shade + shade) % 251;
  return PNG.sync.write(image);
}

async function exported(files: Readonly<Record<string, unknown>>, images: Readonly<Record<string, Buffer>>) {
  const folder = await exportFolder(files);
  for (const [name, bytes] of Object.entries(images)) {
    mkdirSync(path.join(folder, path.dirname(name)), { recursive: true });
    writeFileSync(path.join(folder, name), bytes);
  }
  await system.import(folder);
  rmSync(folder, { recursive: true });
}

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

describe('The layout of a ticket is', () => {
  const sells = (item: number, sales_channel?: string) => ({ item, ...(sales_channel && { sales_channel }) });
  const layoutIds = async (asked: readonly (readonly [item: number, channel: string])[]) => {
    const found = asked.map(async ([item, channel]) => (await layoutFor(system.pool, OPENAIR, item, channel))?.id);
    return Promise.all(found);
  };

  it('that of its product in its sales channel, else that in the web, else the default', async () => {
    await system.import(
      exportWith(
        [
          { id: 1, item_assignments: [sells(7, 'web'), sells(8)] },
          { id: 3, default: true },
          { id: 4, item_assignments: [sells(7, 'box'), sells(9, 'box')] },
        ],
        [{ id: 2, default: true, item_assignments: [sells(7, 'web')] }],
      ),
    );
    const asked = [7, 8, 9, 10].flatMap((item) => ['web', 'box', 'other'].map((channel) => [item, channel] as const));
    expect(await layoutIds(asked)).toEqual([1, 4, 1, 1, 1, 1, 3, 4, 3, 3, 3, 3]);
  });

  it('none where the shop has no default', async () => {
    await system.import(exportWith([{ id: 1, item_assignments: [sells(7)] }]));
    expect(
      await layoutIds([
        [7, 'web'],
        [8, 'web'],
      ]),
    ).toEqual([1, undefined]);
  });
});

describe('The files of a layout', () => {
  const files = exportWith([
    {
      id: 1,
      default: true,
      background: 'https://shop.example.org/media/ground.png',
      layout: [
        { type: 'imagearea', content: 'logo', left: 1, bottom: 1, width: 9, height: 9 },
        { type: 'imagearea', content: 'nowhere', left: 1, bottom: 1, width: 9, height: 9 },
      ],
    },
  ]);
  const found = async () => {
    const { background, images } = (await layoutFor(system.pool, OPENAIR, 7, 'web'))!;
    return { background, images };
  };

  it('come with it, of whatever size, in their newest state', async () => {
    const [ground, logo] = [png(400), png(4)];
    expect(ground.length).toBeGreaterThan(500_000);
    const at = 'events/openair/files';
    await exported(files, { [`${at}/ground.png`]: ground, [`${at}/logo.png`]: logo });
    expect(await found()).toEqual({ background: ground, images: { logo } });
    expect(await layoutOf(system.pool, OPENAIR, 1)).toMatchObject({ background: ground, images: { logo } });

    const other = png(300, 9);
    await exported(files, { [`${at}/ground.png`]: other });
    expect(await found()).toEqual({ background: other, images: { logo } });

    await system.import(files);
    expect(await found()).toEqual({ background: other, images: { logo } });
    expect(await verifyReadModel(layoutsModel, system.feeds, () => undefined)).toEqual([]);
    await rebuildReadModel(layoutsModel, system.feeds, () => undefined);
    expect(await found()).toEqual({ background: other, images: { logo } });
  });

  it('stay as they were while a part of the next state is missing, and however often a part comes', async () => {
    const ground = png(400);
    await exported(files, { 'events/openair/files/ground.png': ground });
    const feed = system.feeds.feeds.get('reference')!;
    const events: Envelope[] = [];
    for (const stored of await allOf(feed)) if (stored.type === 'LayoutFileStated') events.push(stored);
    const apply = (some: readonly Envelope[]) => layoutsModel.handles.reference!(system.pool, some);
    expect(events.length).toBeGreaterThan(2);
    const next = events.map((event) => ({
      ...event,
      revision: event.revision + events.length,
      data: { ...(event.data as object), data: Buffer.from('next').toString('base64') },
    }));

    await apply(events);
    await apply(next.slice(0, 1));
    await apply(events.slice(1));
    expect((await found()).background).toEqual(ground);
    // The part in between was skipped.
    await apply(next.slice(2));
    expect((await found()).background).toEqual(ground);
    await apply(next.map((event) => ({ ...event, revision: event.revision + events.length })));
    await apply(next);
    expect((await found()).background!.toString()).toBe('next'.repeat(events.length));
    const { rows } = await system.pool.query('select * from layout_file_parts');
    expect(rows).toEqual([]);
  });
});

async function allOf(feed: Log): Promise<Envelope[]> {
  const events: Envelope[] = [];
  await replay(feed, { from: feed.start, until: await feed.head() }, (batch) =>
    Promise.resolve(void events.push(...batch)),
  );
  return events;
}
