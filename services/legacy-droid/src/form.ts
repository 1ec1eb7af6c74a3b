import type { IncomingMessage } from 'node:http';
import { readBody } from '@gatehouse/service/body';
import { ApiError } from '@gatehouse/service/errors';
import { Fields } from '@gatehouse/service/fields';
import { hasNoBody } from '@gatehouse/service/unread-body';
import { plainText, Refusal } from './text';

const NO_FIELDS = new Fields([]);
const FORM = /^\s*(application\/x-www-form-urlencoded|multipart\/form-data)\s*(;|$)/i;

/** The fields of a form. A body of any other type is not read: its fields count as missing (contract §3.3). */
export async function readForm(req: IncomingMessage): Promise<Fields> {
  if (hasNoBody(req) || !FORM.test(req.headers['content-type'] ?? '')) return NO_FIELDS;
  try {
    const body = await readBody(req);
    return body instanceof Fields ? body : NO_FIELDS;
  } catch (error) {
    if (error instanceof ApiError && error.status === 400)
      throw new Refusal(plainText(400, 'The form cannot be read.'));
    throw error;
  }
}
