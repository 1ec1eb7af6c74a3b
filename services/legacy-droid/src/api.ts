import type { Request } from 'express';
import type { ServerResponse } from 'node:http';
import type { Admission } from '@gatehouse/admission/admission';
import type { Festival } from '@gatehouse/shop/festival';
import { baseUrlOf } from '@gatehouse/service/api-request';
import { credentialAccepted, credentialRefused } from '@gatehouse/service/connections';
import { ClientGone } from '@gatehouse/service/errors';
import { parseUrlEncoded, type Fields } from '@gatehouse/service/fields';
import { failureReply, type HotRoute } from '@gatehouse/service/http';
import { chooseLanguage } from '@gatehouse/service/language';
import type { Log } from '@gatehouse/service/log';
import { CLIENT_GONE, requestObserver } from '@gatehouse/service/observe';
import type { Target } from '@gatehouse/service/path';
import { PLAIN_HEADERS, writeReply, type Reply } from '@gatehouse/service/reply';
import { hasSmallBody } from '@gatehouse/service/unread-body';
import { authenticate, hashOf, type DroidRequest } from './access';
import { downloadSender } from './download';
import { downloads } from './downloads';
import { readForm } from './form';
import { redeemer } from './redeem';
import { search } from './search';
import { status } from './status';
import { plainText, Refusal } from './text';

const ENDPOINTS = ['redeem', 'search', 'download', 'status'] as const;
type Endpoint = (typeof ENDPOINTS)[number];

type Named = {
  readonly organizer: string;
  readonly event: string;
  readonly date: string | null;
  readonly endpoint: Endpoint;
};

/** With and without the trailing slash; anything may follow it (contract §3.1 and the decisions at its head). */
function endpointIn({ segments }: Target): Named | undefined {
  if (segments[0] !== 'pretixdroid' || segments[1] !== 'api') return undefined;
  const [, , organizer, event, next, last] = segments;
  if (!organizer || !event) return undefined;
  const date = next !== undefined && /^\d+$/.test(next) ? next : null;
  const endpoint = ENDPOINTS.find((each) => each === (date === null ? next : last));
  return endpoint && { organizer, event, date, endpoint };
}

const ALLOWED: Record<Endpoint, string> = {
  redeem: 'POST, OPTIONS',
  search: 'GET, HEAD, OPTIONS',
  download: 'GET, HEAD, OPTIONS',
  status: 'GET, HEAD, OPTIONS',
};

const HEADERS = [...PLAIN_HEADERS, 'Vary', 'Accept-Encoding, Accept-Language'];
const MOST_PARAMETERS = 20_000;

type DroidCall = {
  readonly endpoint: Endpoint;
  readonly request: DroidRequest;
  readonly query: Fields;
  readonly language: string;
};
type Traced = DroidCall & { readonly trace: string | null };

/** The pretixdroid API: contract §3. It has its own transport layer, so it is called before the routes of the REST API. */
export function droidApi(admission: Admission, at: { publicUrl: string | undefined; log: Log }): HotRoute {
  const redeem = redeemer(admission);
  const books = downloads(admission);
  const sendDownload = downloadSender();
  const observe = requestObserver();

  /** The reply of every endpoint except `download`, which writes its own: then undefined. */
  async function answer(req: Request, res: ServerResponse, call: Traced): Promise<Reply | undefined> {
    const { endpoint, request, language, query, trace } = call;
    if (endpoint === 'redeem' && req.method === 'POST') {
      const isSmall = hasSmallBody(req);
      const reply = await redeem({ request, form: { isSmall, read: () => readForm(req) }, language, trace });
      credentialAccepted(req);
      return reply;
    }
    const access = await authenticate(admission, request);
    credentialAccepted(req);
    if (!ALLOWED[endpoint].split(', ').includes(req.method)) return allowed(405, endpoint);
    if (req.method === 'OPTIONS') return allowed(200, endpoint);
    switch (endpoint) {
      case 'search':
        return search(admission, access, { query: query.get('query') ?? '', language });
      case 'status':
        return status(admission, access, { language, baseUrl: baseUrlOf(req, at.publicUrl) });
      default:
        await sendDownload({ req, res, headers: HEADERS }, () => books.edition({ access, language }));
        return undefined;
    }
  }

  async function serve(req: Request, res: ServerResponse, call: DroidCall): Promise<void> {
    const route = `pretixdroid/${call.endpoint}/`;
    const { trace, end } = observe(req, route);
    try {
      const reply = await answer(req, res, { ...call, trace });
      if (reply) writeReply(res, reply, HEADERS);
      end(res.statusCode);
    } catch (error) {
      if (error instanceof ClientGone) return end(CLIENT_GONE);
      if (error instanceof Refusal && error.reply.status === 403) credentialRefused(req);
      const reply = error instanceof Refusal ? error.reply : failureReply(error, { req, log: at.log, route, trace });
      writeReply(res, reply, HEADERS);
      end(reply.status);
    }
  }

  return (req, res, target) => {
    const named = endpointIn(target);
    if (!named) return false;
    const { organizer, event, date, endpoint } = named;
    const festival = admission.catalog.festival(organizer, event);
    if (!festival) {
      writeReply(res, plainText(404, 'Unknown event'), HEADERS);
      return true;
    }
    const fields = parseUrlEncoded(target.query, MOST_PARAMETERS)!;
    const request = { festival, date, keyHash: hashOf(fields.get('key') ?? '') };
    return serve(req, res, { endpoint, request, query: fields, language: languageFor(req, festival) });
  };
}

/** No body, with the allowed methods. */
const allowed = (code: 200 | 405, endpoint: Endpoint): Reply => ({
  ...plainText(code, ''),
  headers: { 'Content-Type': 'text/html; charset=utf-8', Allow: ALLOWED[endpoint] },
});

const languageFor = (req: Request, { fact }: Festival): string =>
  chooseLanguage(req.headers['accept-language'], fact.locales, fact.locale);
