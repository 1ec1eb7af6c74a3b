import type { SalesContext } from '@gatehouse/sales/sales';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { notFound } from '@gatehouse/service/errors';
import { fileReply } from '@gatehouse/service/file-reply';
import { route, type Route } from '@gatehouse/service/http';
import type { Reply } from '@gatehouse/service/reply';
import { EVENT_PATH, festivalOf } from '@gatehouse/shop/event-request';
import { ACCESS, batchesUrl, batchIn, byOf, uuidIn, whereOf } from './request';
import { succeeded } from './unfinished';

/** A batch as a file for a printer: contract §9.2, §9.4. */
export function renderingRoutes(sales: SalesContext): Route[] {
  return [
    route(`${EVENT_PATH}offlinesalesbatches/:batch/render/`, {
      name: 'offlinesalesbatch-render',
      access: ACCESS,
      POST: (request) => render(request, sales),
    }),
    route(`${EVENT_PATH}offlinesalesbatches/:batch/download/:job/:file/`, {
      name: 'offlinesalesbatch-download',
      access: ACCESS,
      sends: 'application/pdf',
      GET: (request) => download(request, sales),
    }),
  ];
}

/** Takes no input: any body that can be read will do. */
async function render(request: ApiRequest, sales: SalesContext): Promise<Reply> {
  const where = whereOf(festivalOf(request, sales));
  await sales.caughtUp(['batches']);
  const id = batchIn(request);
  const batch = id === undefined ? undefined : await sales.finder.find(where, id);
  if (!batch) throw notFound();
  await request.body();
  const { job, file } = await sales.renders.begin(where, batch, byOf(request));
  return { status: 202, body: { download: `${batchesUrl(request)}${batch.id}/download/${job}/${file}/` } };
}

async function download(request: ApiRequest, sales: SalesContext): Promise<Reply> {
  const where = whereOf(festivalOf(request, sales));
  const batch = batchIn(request);
  const [job, file] = [uuidIn(request, 'job'), uuidIn(request, 'file')];
  if (batch === undefined || job === undefined || file === undefined) throw notFound();
  const { file: made } = succeeded(await sales.renders.state(where, batch, job, file));
  return fileReply(request, { ...made, tag: file, read: (from, to) => sales.renders.read(file, from, to) });
}
