import { call, type Answer, type Ask } from '@gatehouse/service/testing';
import type { SetUpCode } from './camera';
import { instant, text } from './decoder';
import { newNonce, type Read, type Scan, type ScannerApp } from './scanner-app';

export type Listed = Readonly<Record<string, unknown>>;
export type Queued = Scan & { readonly secret: string; readonly datetime: Date };
/** One read of a synchronisation: 304 when there was nothing new. */
export type Synced = { readonly path: string; readonly status: number; readonly results: readonly Listed[] };
export type Told = { readonly status: number; readonly reason: string | undefined; readonly body: Listed };

/** A phone with one of the apps: it sends what the app sends, keeps what the app keeps, and throws where its decoder would. */
export class Phone {
  readonly app: ScannerApp;
  /** Scans that the server has not heard of yet, the oldest first. */
  queue: Queued[] = [];
  private url = '';
  private token = '';
  private organizer = '';
  /** By path: Last-Modified, and from when on changes are asked for. */
  private readonly lastModified = new Map<string, string>();
  private readonly known = new Map<string, string>();

  constructor(app: ScannerApp) {
    this.app = app;
  }

  /** Registers with a QR code; without the trailing slash, as all of them do. */
  async setUp({ url, token }: SetUpCode): Promise<void> {
    this.url = url;
    const { software, headers, shapes } = this.app;
    const answer = await call(url, 'POST', '/api/v1/device/initialize', { headers, json: { token, ...software } });
    const set = decoded(answer, [200], shapes.initialized);
    this.token = String(set['api_token']);
    this.organizer = String(set['organizer']);
  }

  get(target: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.ask('GET', target, { headers });
  }

  /** The events to choose from. */
  async events(): Promise<readonly Listed[]> {
    const answer = await this.get(`${this.base}${this.app.events}`);
    const { results } = decoded(answer, [200], () => undefined) as { results: Listed[] };
    results.forEach((event) => this.app.shapes.event(event, 'event'));
    return results;
  }

  /** A whole synchronisation of an event, or what has changed since the last one. */
  async sync(event: string): Promise<Synced[]> {
    const all: Synced[] = [];
    for (const read of this.app.sync(event)) all.push(await this.read(read));
    return all;
  }

  /** Scans a ticket; the nonce is a new one. */
  redeem(event: string, list: number, secret: string, more: Partial<Scan> = {}): Promise<Told> {
    return this.send(event, list, secret, { nonce: newNonce(), ...more });
  }

  /**
   * Uploads the queue, one scan after the other, until it is empty, one stays, or there is no answer. `during` is called while each
   * of them is on its way.
   */
  async upload(event: string, list: number, during?: (scan: Queued) => void): Promise<void> {
    for (;;) {
      const [next] = this.queue;
      if (!next) return;
      const answer = this.send(event, list, next.secret, next).catch(noAnswer);
      during?.(next);
      const told = await answer;
      if (!told || !this.app.leavesQueue(told.status, told.body)) return;
      this.queue = this.queue.slice(1);
    }
  }

  async search(event: string, list: number, words: string): Promise<readonly Listed[]> {
    const target = `${this.base}events/${event}/checkinlists/${list}/${this.app.search(words)}`;
    const { results } = decoded(await this.get(target), [200], this.app.shapes.found);
    return results as Listed[];
  }

  async status(event: string, list: number): Promise<Listed> {
    const target = `${this.base}events/${event}/checkinlists/${list}/status/`;
    return decoded(await this.get(target), [200], this.app.shapes.status);
  }

  post(target: string, json: object, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.ask('POST', target, { headers, json });
  }

  /** Uploads a file that an answer will name. */
  uploadFile(content: Buffer, { type, name }: { type: string; name: string }): Promise<Answer> {
    const disposition = `attachment; filename="${name}"`;
    return this.ask('POST', '/api/v1/upload', {
      headers: { 'content-type': type, 'content-disposition': disposition },
      body: content,
    });
  }

  /** The path of the organizer. */
  get base(): string {
    return `/api/v1/organizers/${this.organizer}/`;
  }

  private async send(event: string, list: number, secret: string, scan: Scan): Promise<Told> {
    const target = `${this.base}events/${event}/${this.app.redeemPath(list, secret)}`;
    const answer = await this.post(target, this.app.redeemBody(scan));
    // A ticket that nobody knows is no answer to decode; its JSON tells it from a wrong address.
    const body = decoded(answer, [201, 400, 404], answer.status === 404 ? () => undefined : this.app.shapes.redeemed);
    return { status: answer.status, reason: body['reason'] as string | undefined, body };
  }

  private async read({ path, shape, query, since }: Read): Promise<Synced> {
    const target = `${this.base}${path}`;
    const from = since && this.known.get(path);
    const asked = [query, from && `${since.query}${encodeURIComponent(from)}`].filter(Boolean).join('&');
    const seen = this.lastModified.get(path);
    const results: Listed[] = [];
    let next: string | null = asked === '' ? target : `${target}?${asked}`;
    for (let page = 1; next !== null; page++) {
      const answer = await this.get(next, seen === undefined ? {} : { 'if-modified-since': seen });
      if (answer.status === 304) return { path, status: 304, results };
      const body = decoded(answer, [200], shape);
      const rows = Array.isArray(body['results']) ? (body['results'] as Listed[]) : [body];
      if (page === 1) this.remember(path, { answer, rows, since });
      results.push(...rows);
      next = typeof body['next'] === 'string' ? this.after(next, page, body['next']) : null;
    }
    return { path, status: 200, results };
  }

  /** The next page: where the link leads, or for an app that counts pages, the same address with the next number. */
  private after(target: string, page: number, link: string): string {
    if (/[?&]page=/.test(target)) return target.replace(/([?&]page=)\d+/, `$1${page + 1}`);
    const { origin, pathname, search } = new URL(link);
    if (origin !== this.url) throw new Error(`the link to the next page leads to ${origin}, not to ${this.url}`);
    return pathname + search;
  }

  private remember(
    path: string,
    { answer, rows, since }: { answer: Answer; rows: readonly Listed[]; since: Read['since'] },
  ): void {
    const modified = answer.headers['last-modified'];
    if (modified !== undefined) this.lastModified.set(path, modified);
    if (!since) return;
    const from = since.from === 'x-page-generated' ? answer.headers['x-page-generated'] : rows[0]?.[since.from];
    if (from === undefined) return;
    instant(from, `${path} ${since.from}`);
    this.known.set(path, String(from));
  }

  private ask(method: string, target: string, ask: Pick<Ask, 'json' | 'body'> & { headers: object }) {
    const headers = { ...this.app.headers, ...ask.headers, authorization: `Device ${this.token}` };
    return call(this.url, method, target, { ...ask, headers });
  }
}

/** A reply as the app takes it: of one of these statuses, JSON, and of this shape. */
function decoded(answer: Answer, statuses: readonly number[], shape: (value: unknown, at: string) => void): Listed {
  if (!statuses.includes(answer.status)) throw new Error(`${answer.status} is no answer: ${answer.text.slice(0, 300)}`);
  text(answer.headers['content-type'], 'content-type');
  if (!answer.text.startsWith('{')) throw new Error(`no JSON object: ${answer.text.slice(0, 300)}`);
  const body = JSON.parse(answer.text) as Listed;
  shape(body, 'body');
  return body;
}

/** Errors of the connection alone: a reply that the app cannot read is none of them. */
function noAnswer(error: unknown): undefined {
  if (typeof error === 'object' && error !== null && 'code' in error) return undefined;
  throw error;
}
