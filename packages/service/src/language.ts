import { Recent } from '@gatehouse/eventing/recent';

const parsed = new Recent<readonly string[]>(500);

/**
 * The languages of an Accept-Language header, best first and in lower case, each region followed by its language:
 * `de-AT, fr;q=0.5` is `de-at`, `de`, `fr` (contract §1.5). None for a header that names none.
 */
export function languagesOf(header: string | undefined): readonly string[] {
  if (header === undefined || header.length > 500) return [];
  const known = parsed.get(header);
  if (known) return known;
  const languages = readLanguages(header);
  parsed.set(header, languages);
  return languages;
}

function readLanguages(header: string): string[] {
  const wanted = header.toLowerCase().split(',').map(weighted);
  const byWeight = wanted.filter(({ tag, weight }) => weight > 0 && /^[a-z]{1,8}(-[a-z0-9]{1,8})*$/.test(tag));
  byWeight.sort((a, b) => b.weight - a.weight);
  return [...new Set(byWeight.flatMap(({ tag }) => (tag.includes('-') ? [tag, tag.split('-')[0]!] : [tag])))];
}

function weighted(part: string): { tag: string; weight: number } {
  const [tag = '', ...parameters] = part.split(';').map((text) => text.trim());
  const quality = parameters.find((parameter) => parameter.startsWith('q='));
  const weight = quality === undefined ? 1 : Number(quality.slice(2));
  return { tag, weight: Number.isFinite(weight) ? weight : 0 };
}
