import type { SalesContext } from '@gatehouse/sales/sales';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { notFound } from '@gatehouse/service/errors';
import { route, type Route } from '@gatehouse/service/http';
import { askedPage, findPage, pageReply } from '@gatehouse/service/pages';
import type { Reply } from '@gatehouse/service/reply';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { layoutFinder } from '@gatehouse/shop/layouts';
import { readBatchRequest } from './batch-request';
import { batchInList, batchResource } from './batch-resource';
import { ACCESS, batchesUrl, batchIn, byOf, uuidIn, whereOf } from './request';
import { succeeded } from './unfinished';

/** Batches and their creation: contract §9.2 to §9.4. */
export function batchRoutes(sales: SalesContext): Route[] {
  return [
    route(`${EVENT_PATH}offlinesalesbatches/`, {
      name: 'offlinesalesbatch-list',
      access: ACCESS,
      GET: (request) => list(request, sales),
      POST: (request) => create(request, sales),
    }),
    route(`${EVENT_PATH}offlinesalesbatches/check/:job/`, {
      name: 'offlinesalesbatch-check',
      access: ACCESS,
      GET: (request) => check(request, sales),
    }),
    route(`${EVENT_PATH}offlinesalesbatches/:batch/`, {
      name: 'offlinesalesbatch-detail',
      access: ACCESS,
      GET: (request) => show(request, sales),
    }),
  ];
}

/** Those that are created. */
async function list(request: ApiRequest, sales: SalesContext): Promise<Reply> {
  const where = whereOf(festivalOf(request, sales));
  const asked = askedPage(request.query);
  await sales.caughtUp(['batches']);
  const { page, rows } = await findPage(asked, (offset, limit) => sales.finder.page(where, { offset, limit }));
  return pageReply(request, page, rows.map(batchInList));
}

async function create(request: ApiRequest, sales: SalesContext): Promise<Reply> {
  const festival = festivalOf(request, sales);
  const where = whereOf(festival);
  const wanted = await readBatchRequest(await request.body(), {
    festival,
    channels: sales.catalog.channels(where.organizer),
    layout: layoutFinder(sales.pool, where),
  });
  const job = await sales.request(where, wanted, byOf(request));
  return { status: 202, body: { check: `${batchesUrl(request)}check/${job}/` } };
}

async function check(request: ApiRequest, sales: SalesContext): Promise<Reply> {
  const where = whereOf(festivalOf(request, sales));
  const job = uuidIn(request, 'job');
  const { batch } = succeeded(job === undefined ? undefined : await sales.finder.job(where, job));
  return { status: 200, body: batchResource(batch) };
}

async function show(request: ApiRequest, sales: SalesContext): Promise<Reply> {
  const where = whereOf(festivalOf(request, sales));
  await sales.caughtUp(['batches']);
  const id = batchIn(request);
  const batch = id === undefined ? undefined : await sales.finder.find(where, id);
  if (!batch) throw notFound();
  return { status: 200, body: batchResource(batch) };
}
