/** A text in several languages, by language code (contract §1.6). */
export type I18n = Readonly<Record<string, string>>;

/** What is spoken when nobody says otherwise (contract §1.5). */
const SERVER_LANGUAGE = 'en';

/**
 * Which of an event's languages an `Accept-Language` header asks for: the same one, its base language, or another form of it, in
 * the order of preference. Without a match English if the event speaks it, else the event's own `locale` (contract §1.5).
 */
export function chooseLanguage(acceptLanguage: string | undefined, locales: readonly string[], locale: string): string {
  const spoken = locales.length > 0 ? locales : [locale];
  for (const wanted of acceptLanguage ? preferences(acceptLanguage) : []) {
    if (wanted === '*') break;
    const found = closest(spoken, wanted);
    if (found !== undefined) return found;
  }
  return spoken.includes(SERVER_LANGUAGE) ? SERVER_LANGUAGE : locale;
}

/**
 * A text in a language: in exactly that one, in its base language, in another form of it, in `fallback` (the event's own), in
 * English, in any. Empty texts count as missing; empty when there is none at all.
 */
export function localize(i18n: I18n, language: string, fallback: string): string {
  const written = Object.keys(i18n).filter((code) => i18n[code]);
  for (const wanted of [language, fallback, SERVER_LANGUAGE]) {
    const found = closest(written, wanted.toLowerCase());
    if (found !== undefined) return i18n[found]!;
  }
  return written[0] === undefined ? '' : i18n[written[0]]!;
}

/** `wanted` is lower case; codes are found whatever their case. */
function closest(codes: readonly string[], wanted: string): string | undefined {
  const base = wanted.split('-', 1)[0]!;
  return (
    codes.find((code) => code.toLowerCase() === wanted) ??
    codes.find((code) => code.toLowerCase() === base) ??
    codes.find((code) => code.toLowerCase().startsWith(`${base}-`))
  );
}

/** The languages of the header in lower case, most wanted first; those with weight 0 or an unreadable one are left out. */
function preferences(header: string): string[] {
  return header
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith('q='));
      return { tag, weight: weight === undefined ? 1 : Number(weight.slice(2)) };
    })
    .filter(({ tag, weight }) => tag !== '' && weight > 0 && weight <= 1)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}
