import { randomUUID } from 'node:crypto';
import { uuidV5 } from '@gatehouse/eventing/uuid';
import type { Uploads } from '@gatehouse/inventory/uploads';
import type { ApiRequest } from '@gatehouse/service/api-request';
import type { Principal } from '@gatehouse/service/auth';
import { ApiError, parseError } from '@gatehouse/service/errors';
import { route, type Route } from '@gatehouse/service/http';
import type { Reply } from '@gatehouse/service/reply';
import { fileNameIn } from './file-name';

/** What may be uploaded, and how its name may end. */
const TYPES: Readonly<Record<string, readonly string[]>> = {
  'image/gif': ['gif'],
  'image/jpeg': ['jpg', 'jpeg'],
  'image/png': ['png'],
  'application/pdf': ['pdf'],
};

/** As much as the reference takes for an answer. */
const MAX_UPLOAD_BYTES = 10_485_760;

/** Whose files they are: ids of credentials are unique in their organizer only. */
export const ownerOf = ({ organizer, actor }: Principal): string => `${organizer}/${actor}`;

/** `POST /api/v1/upload` of a file that an answer will name: contract §8.8. */
export const uploadRoute = (uploads: Uploads): Route =>
  route('upload', { name: 'upload', access: 'authenticated', POST: (request) => upload(request, uploads) });

async function upload(request: ApiRequest, uploads: Uploads): Promise<Reply> {
  const content = await request.bytes(MAX_UPLOAD_BYTES);
  if (content.length === 0) throw refused('No file has been submitted.');
  const name = fileNameIn(request.header('content-disposition'));
  if (name === undefined) {
    throw parseError(
      'Missing filename. Request should include a Content-Disposition header with a filename parameter.',
    );
  }
  const type = (request.header('content-type') ?? '').split(';', 1)[0]!.trim();
  const extensions = Object.hasOwn(TYPES, type) ? TYPES[type]! : undefined;
  if (!extensions) throw refused(`Content type "${type}" is not allowed`);
  const extension = extensions.find((each) => name.endsWith(`.${each}`));
  if (!extension) throw refused(`File name "${name}" has an invalid extension for type "${type}"`);
  const namespace = request.idempotency?.namespace;
  // A request that runs again after a crash finds its file.
  const id = namespace === undefined ? randomUUID() : uuidV5(namespace, 'upload');
  await uploads.keep({ id, owner: ownerOf(request.principal), type, extension, content });
  return { status: 201, body: { id: `file:${id}` } };
}

const refused = (text: string) => new ApiError(400, [text]);
