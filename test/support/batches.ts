import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Ask } from '@gatehouse/service/testing';
import { cartShop, HALL, ITEMS, TOKENS } from './cart-shop';
import type { ExportFiles } from './system';

/* The shop of `cart-shop.ts` with ticket layouts, for the conformance tests of offline tickets (contract §9). */

export const LAYOUTS = { hall: 123, tours: 124, fair: 125 } as const;

export const batchesOf = (event: string): string => `${event}offlinesalesbatches/`;

const layout = (id: number) => ({
  id,
  name: 'Plain',
  default: true,
  layout: [
    { type: 'textarea', left: 10, bottom: 100, width: 90, fontsize: 12, content: 'event_name' },
    { type: 'textarea', left: 10, bottom: 90, width: 90, fontsize: 12, content: 'itemvar' },
    { type: 'barcodearea', left: 10, bottom: 20, size: 50 },
  ],
});

export const batchShop = (): ExportFiles => ({
  ...cartShop(),
  'demo/saleschannels.json': [{ identifier: 'boxoffice', label: { en: 'Box office' }, type: 'api.box' }],
  'demo/events/hall/ticketlayouts.json': [layout(LAYOUTS.hall)],
  'demo/events/tours/ticketlayouts.json': [layout(LAYOUTS.tours)],
  'other/events/fair/ticketlayouts.json': [layout(LAYOUTS.fair)],
});

/** A request that is good in `hall`. */
export const WANTED = { item: ITEMS.pass, layout: LAYOUTS.hall, amount: 3 } as const;

/** A batch as the API shows it (contract §9.1). */
export type ShownBatch = {
  readonly id: number;
  readonly creation: string;
  readonly item: number;
  readonly amount: number;
  readonly orders: readonly string[];
};

/** Whatever answers requests. */
type Server = { call(method: string, target: string, ask?: Ask): Promise<Answer> };

/** Path and query of a link. */
export const targetOf = (link: string): string => link.replace(/^https?:\/\/[^/]+/, '');

/** The link in a 202. */
export function linkIn(answer: Answer, name: 'check' | 'download'): string {
  if (answer.status !== 202) throw new Error(`${answer.status}: ${answer.text}`);
  return (answer.body as Record<typeof name, string>)[name];
}

/** Requests a batch, and returns the link that follows its creation. */
export const requested = async (server: Server, json: object = {}, event = HALL): Promise<string> =>
  linkIn(await server.call('POST', batchesOf(event), { token: TOKENS.admin, json: { ...WANTED, ...json } }), 'check');

/** The answer of a link once its job has ended, and those before. */
export async function ended(server: Server, link: string): Promise<{ answer: Answer; before: Answer[] }> {
  const before: Answer[] = [];
  for (;;) {
    const answer = await server.call('GET', targetOf(link), { token: TOKENS.viewer });
    if (answer.status !== 409) return { answer, before };
    before.push(answer);
    await sleep(20);
  }
}

/** A batch that has been made. */
export async function made(server: Server, json: object = {}, event = HALL): Promise<ShownBatch> {
  const { answer } = await ended(server, await requested(server, json, event));
  if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
  return answer.body as ShownBatch;
}

/** The link to the PDF of a batch, once that is complete. */
export async function rendered(server: Server, batch: number, event = HALL): Promise<string> {
  const answer = await server.call('POST', `${batchesOf(event)}${batch}/render/`, { token: TOKENS.admin });
  const link = linkIn(answer, 'download');
  await ended(server, link);
  return link;
}
