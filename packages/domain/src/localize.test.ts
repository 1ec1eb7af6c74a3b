import { chooseLanguage, localize } from './localize';

describe('chooseLanguage (contract §1.5)', () => {
  const locales = ['de', 'en', 'pt-br'];
  test.each([
    [undefined, 'en'],
    ['', 'en'],
    ['de', 'de'],
    ['DE', 'de'],
    ['de-DE,de;q=0.9,en;q=0.8', 'de'],
    ['fr,de;q=0.5,en;q=0.8', 'en'],
    ['fr, de ; q=0.5', 'de'],
    ['pt-BR', 'pt-br'],
    ['pt', 'pt-br'],
    ['pt-PT', 'pt-br'],
    ['fr', 'en'],
    ['*', 'en'],
    ['*,de;q=0.5', 'en'],
    ['de;q=0', 'en'],
    ['de;q=lots, en', 'en'],
    ['de;q=9', 'en'],
    ['d', 'en'],
    [',,;;q=,', 'en'],
  ])('%j is %s', (header, language) => {
    expect(chooseLanguage(header, locales, 'de')).toBe(language);
  });

  test('an event that speaks no English speaks its own language', () => {
    expect(chooseLanguage(undefined, ['de', 'fr'], 'fr')).toBe('fr');
    expect(chooseLanguage('it', ['de', 'fr'], 'fr')).toBe('fr');
    expect(chooseLanguage('de', [], 'fr')).toBe('fr');
  });
});

describe('localize', () => {
  test.each([
    [{ de: 'Tor', en: 'Gate' }, 'de', 'en', 'Tor'],
    [{ de: 'Tor', en: 'Gate' }, 'de-informal', 'en', 'Tor'],
    [{ 'de-informal': 'Tor', en: 'Gate' }, 'de', 'en', 'Tor'],
    [{ 'pt-BR': 'Portão', en: 'Gate' }, 'pt-br', 'en', 'Portão'],
    [{ de: '', en: 'Gate' }, 'de', 'de', 'Gate'],
    [{ de: 'Tor', en: 'Gate' }, 'fr', 'de', 'Tor'],
    [{ de: 'Tor', en: 'Gate' }, 'fr', 'it', 'Gate'],
    [{ fr: '', nl: 'Poort' }, 'de', 'de', 'Poort'],
    [{}, 'de', 'de', ''],
    [{ de: '' }, 'de', 'de', ''],
    [{ de: 'Tor' }, '__proto__', 'constructor', 'Tor'],
  ])('%j in %s, else %s: %s', (i18n, language, fallback, text) => {
    expect(localize(i18n, language, fallback)).toBe(text);
  });
});
