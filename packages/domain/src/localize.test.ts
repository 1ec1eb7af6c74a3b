import { localize } from './localize';

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
