import type { Attempt } from '@gatehouse/admission/scan';
import { instantOf, parseInstant, type Instant } from '@gatehouse/domain/instant';
import type { Principal } from '@gatehouse/service/auth';
import type { Body } from '@gatehouse/service/body';
import { rawValue, WRONG_DATETIME } from '@gatehouse/service/drf';
import { ApiError, fieldError } from '@gatehouse/service/errors';
import { Fields } from '@gatehouse/service/fields';
import { unstorable } from '@gatehouse/service/python';

/* The fields of a redeem body, which the reference reads leniently (contract §6.1). */

/** Python's truthiness, by which the reference evaluates flags: any text but the empty one is true (contract §6.1). */
export function truthy(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return Boolean(value);
}

/** The default applies only to an absent value; null is a value, and false. */
export const valueOr = (fallback: unknown, value: unknown): unknown => (value === undefined ? fallback : value);

/** Newer scanners send the type; undefined for another one. Taken for an entry it would use up the ticket (contract, decisions). */
export function kindIn(body: Body): 'entry' | 'exit' | undefined {
  const type = rawValue(body, 'type') ?? 'entry';
  return type === 'entry' || type === 'exit' ? type : undefined;
}

/** Whether a device uploads a scan from its queue: it has let in already, and says when. */
export const isQueued = (body: Body, { kind }: Principal): boolean =>
  kind === 'device' && truthy(rawValue(body, 'force')) && typeof rawValue(body, 'datetime') === 'string';

/** The nonce of an upload, if it is a valid one. */
export function uploadNonce(body: Body): string | null {
  try {
    return readNonce(rawValue(body, 'nonce'));
  } catch {
    return null;
  }
}

/** Newer scanners also read chips, whose number is not a position's id. A secret may be on any medium. */
export function isChip(body: Body): boolean {
  const source = rawValue(body, 'source_type');
  return truthy(source) && source !== 'barcode';
}

/** The time of the scan: now unless the client sends one (contract §6.1). Throws the 400 that is a bare array. */
export function readDatetime(body: Body): Instant {
  const raw = rawValue(body, 'datetime');
  if (raw === undefined || raw === null) return instantOf(Date.now());
  const instant = typeof raw === 'string' ? parseInstant(raw) : undefined;
  if (!instant) throw new ApiError(400, [WRONG_DATETIME]);
  return instant;
}

const MAX_NONCE = 190;

/** null: none, so a repeat is not recognised. */
export function readNonce(raw: unknown): string | null {
  if (!truthy(raw)) return null;
  if (typeof raw !== 'string' && typeof raw !== 'number' && typeof raw !== 'bigint') {
    throw fieldError('nonce', 'Not a valid string.');
  }
  const nonce = String(raw);
  if ([...nonce].length > MAX_NONCE) {
    throw fieldError('nonce', `Ensure this field has no more than ${MAX_NONCE} characters.`);
  }
  const [wrong] = unstorable(nonce);
  if (wrong) throw fieldError('nonce', wrong);
  return nonce;
}

const NO_ANSWERS: Readonly<Record<string, unknown>> = {};

/** Answers by question id; a value that is no object is treated as absent (contract, decisions). */
export function readRawAnswers(raw: unknown): Readonly<Record<string, unknown>> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw) || raw instanceof Fields) return NO_ANSWERS;
  for (const answer of Object.values(raw)) {
    const [wrong] = typeof answer === 'string' ? unstorable(answer) : [];
    if (wrong) throw fieldError('answers', wrong);
  }
  return raw as Record<string, unknown>;
}

/** The recorded fields of a scan of an unknown ticket: those that are valid, whatever else is wrong with the body. */
export function attemptOfUnreadableBody(body: Body): Attempt {
  const raw = rawValue(body, 'datetime');
  return {
    kind: kindIn(body) ?? 'entry',
    datetime: (typeof raw === 'string' && parseInstant(raw)) || instantOf(Date.now()),
    force: truthy(rawValue(body, 'force')),
    nonce: truthy(rawValue(body, 'nonce')) ? 'present' : null,
  };
}
