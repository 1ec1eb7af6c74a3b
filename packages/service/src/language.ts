import { spokenLanguage } from '@gatehouse/domain/localize';
import { Recent } from '@gatehouse/eventing/recent';
import Negotiator from 'negotiator';

/** Far more than any browser or scanner sends. */
const MAX_HEADER_LENGTH = 500;

const parsed = new Recent<readonly string[]>(500);

/**
 * The best of an event's languages for an `Accept-Language` header; without a match English if the event has it, else the
 * event's own `locale` (contract §1.5). A header longer than 500 characters is ignored.
 */
export function chooseLanguage(header: string | undefined, locales: readonly string[], locale: string): string {
  return spokenLanguage(wantedLanguages(header), locales, locale);
}

function wantedLanguages(header: string | undefined): readonly string[] {
  if (header === undefined || header.length > MAX_HEADER_LENGTH) return [];
  const known = parsed.get(header);
  if (known) return known;
  const wanted = new Negotiator({ headers: { 'accept-language': header } }).languages();
  parsed.set(header, wanted);
  return wanted;
}
