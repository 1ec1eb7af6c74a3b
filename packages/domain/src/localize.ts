/** A text in several languages, by language code (contract §1.6). */
export type I18n = Readonly<Record<string, string>>;

/** The default language (contract §1.5). */
const SERVER_LANGUAGE = 'en';

/**
 * The best of an event's languages for a preference list: the same language, its base language, or another form of it, in
 * the order of preference; `*` matches any. Without a match English if the event has it, else the event's own `locale`
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
 * A text in a language: exactly that one, its base language, another form of it, `fallback` (the event's own), English, or
 * any. Empty texts count as missing; the result is empty when there is none at all.
 */
export function localize(i18n: I18n, language: string, fallback: string): string {
  const written = Object.keys(i18n).filter((code) => i18n[code]);
  for (const wanted of [language, fallback, SERVER_LANGUAGE]) {
    const found = closest(written, wanted.toLowerCase());
    if (found !== undefined) return i18n[found]!;
  }
  return written[0] === undefined ? '' : i18n[written[0]]!;
}

/** `wanted` is in lower case; codes are compared without regard to case. */
function closest(codes: readonly string[], wanted: string): string | undefined {
  const base = wanted.split('-', 1)[0]!;
  return (
    codes.find((code) => code.toLowerCase() === wanted) ??
    codes.find((code) => code.toLowerCase() === base) ??
    codes.find((code) => code.toLowerCase().startsWith(`${base}-`))
  );
}
