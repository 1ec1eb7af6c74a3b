import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiClient, jsonOf, targetOf, type ApiAccess } from './api-client';
import { progressLine, type ProgressLine } from './progress-line';
import { Refused } from './run-command';

/* Makes and draws batches of offline tickets as any client does: over HTTP (contract §9). */

/** What is asked of a batch, by the names of the API's fields (contract §9.3). */
export type BatchFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** An event, as in `demo/summer-nights`. */
export type EventPath = { readonly organizer: string; readonly event: string };

export type Batch = { readonly id: number; readonly amount: number };

export type BatchClient = {
  create(at: EventPath, fields: BatchFields): Promise<Batch>;
  /** Draws the tickets of a batch into a file. */
  draw(at: EventPath, batch: number, file: PdfFile): Promise<void>;
};

/** Clients wait at least so long before they ask again (contract §9.4). */
const LOOK_MS = 1_000;

/** What is shown while a job goes on, and said when it has failed. */
type Job = { readonly phase: string; readonly failure: string };
const MAKING: Job = { phase: 'making tickets', failure: 'No tickets were made' };
const DRAWING: Job = { phase: 'drawing them', failure: 'Their PDF was not made' };

export function batchClient(access: ApiAccess): BatchClient {
  const api = apiClient(access);

  /** Asks how far a job is until it has ended; the answer of one that has succeeded. */
  async function whenDone(target: string, { phase, failure }: Job, at: EventPath): Promise<Response> {
    const shown = progressLine();
    try {
      for (;;) {
        const answer = await api.get(target);
        if (answer.status === 200) return answer;
        if (answer.status === 410) throw new Refused(`${failure}: ${String((await jsonOf(answer))['message'])}`);
        if (answer.status !== 409) throw await refusal(answer, at);
        const { percentage = 0 } = (await jsonOf(answer)) as { percentage?: number };
        shown.set({ phase, fraction: percentage / 100 });
        await sleep(LOOK_MS, undefined, { signal: access.signal });
      }
    } finally {
      shown.stop();
    }
  }

  return {
    async create(at, fields) {
      const answer = await api.post(batchesOf(at), randomUUID(), fields);
      if (answer.status !== 202) throw await refusal(answer, at);
      const { check } = await jsonOf(answer);
      const made = await whenDone(targetOf(check), MAKING, at);
      return (await jsonOf(made)) as unknown as Batch;
    },
    async draw(at, batch, file) {
      const answer = await api.post(`${batchesOf(at)}${batch}/render/`, randomUUID());
      if (answer.status === 404) throw new Refused(`There is no batch ${batch} in ${at.organizer}/${at.event}.`);
      if (answer.status !== 202) throw await refusal(answer, at);
      const { download } = await jsonOf(answer);
      const drawn = await whenDone(targetOf(download), DRAWING, at);
      await file.take(drawn);
    },
  };
}

const batchesOf = ({ organizer, event }: EventPath): string =>
  `/api/v1/organizers/${encodeURIComponent(organizer)}/events/${encodeURIComponent(event)}/offlinesalesbatches/`;

/** The options of the command by the fields of the API that are called otherwise. */
const OPTIONS: Readonly<Record<string, string>> = { sales_channel: 'channel', subevent: 'date' };

/** An answer that is no success, as a sentence for a person. */
async function refusal(answer: Response, { organizer, event }: EventPath): Promise<Refused> {
  const { status } = answer;
  const body = await jsonOf(answer);
  const detail = typeof body['detail'] === 'string' ? body['detail'] : undefined;
  if (status === 401) return new Refused(`The token is refused: ${detail ?? 'it is not valid'}`);
  if (status === 403) {
    const needs = 'needs can_view_orders and can_change_orders';
    return new Refused(`There is no event ${organizer}/${event}, or the token is not for it: it ${needs}.`);
  }
  if (status === 400 && detail === undefined) {
    const lines = Object.entries(body).map(
      ([field, errors]) => `--${OPTIONS[field] ?? field}: ${[errors].flat().join(' ')}`,
    );
    return new Refused(lines.join('\n'));
  }
  return new Refused(`The server answers ${status}${detail === undefined ? '' : `: ${detail}`}`);
}

/** A file that is there only once it is complete. */
export type PdfFile = {
  readonly path: string;
  /** Writes the body of an answer into it. */
  take(answer: Response): Promise<void>;
  /** Removes what is not complete. */
  close(): Promise<void>;
};

/** Prepares a new file, before anything is made for it. Its tickets open gates, so only its owner may read it. */
export async function newPdf(path: string): Promise<PdfFile> {
  if (await stat(path).catch(() => undefined)) throw new Refused(`${path} exists already.`);
  const unfinished = `${path}.part`;
  let handle: FileHandle | undefined = await open(unfinished, 'w', 0o600).catch((error: NodeJS.ErrnoException) => {
    throw new Refused(`${resolve(path)} cannot be written (${error.code}).`);
  });
  async function close(): Promise<void> {
    if (!handle) return;
    await handle.close();
    handle = undefined;
    await rm(unfinished, { force: true });
  }
  return {
    path,
    close,
    async take(answer) {
      const shown = progressLine();
      try {
        await copy(answer, handle!, shown);
      } finally {
        shown.stop();
      }
      await handle!.close();
      handle = undefined;
      await rename(unfinished, path);
    },
  };
}

async function copy(answer: Response, to: FileHandle, shown: ProgressLine): Promise<void> {
  const size = Number(answer.headers.get('content-length'));
  let got = 0;
  try {
    for await (const chunk of answer.body as unknown as AsyncIterable<Uint8Array>) {
      await to.write(chunk);
      got += chunk.length;
      shown.set({ phase: 'downloading', fraction: got / size });
    }
  } catch (error) {
    const { code } = error as { code?: string };
    throw new Refused(code === 'ENOSPC' ? 'No space is left on the disk.' : 'The download was interrupted.');
  }
}
