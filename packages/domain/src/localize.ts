/** A text in several languages, by language code (contract §1.6). */
export type I18n = Readonly<Record<string, string>>;

/** What is spoken when nobody says otherwise (contract §1.5). */
const SERVER_LANGUAGE = 'en';

/**
 * Which of an event's languages to speak to somebody who wants these, the best first: the same one, its base language, or another form of
 * it, in the order of preference; `*` is content with any. Without a match English if the event speaks it, else the event's own `locale`
 * (contract §1.5).
 */
export function spokenLanguage(wanted: readonly string[], locales: readonly string[], locale: string): string {
  const spoken = locales.length > 0 ? locales : [locale];
  for (const language of wanted) {
    if (language === '*') break;
    const found = closest(spoken, language.toLowerCase());
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
