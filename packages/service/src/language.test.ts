import fc from 'fast-check';
import { chooseLanguage } from './language';

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
    // Weights above 1 are invalid; they are used nevertheless.
    ['de;q=9', 'de'],
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

  test('any header is read, and one of unusual length asks for nothing', () => {
    const piece = fc.constantFrom('de', '-', 'AT', ';', 'q', '=', '0.5', ',', '*', '"', '\\', ' ', '\t', '\u00ff', 'x');
    const property = fc.property(fc.array(piece, { maxLength: 30 }), (parts) =>
      locales.includes(chooseLanguage(parts.join(''), locales, 'de')),
    );
    fc.assert(property, { numRuns: 2_000 });
    expect(chooseLanguage(`de${',x'.repeat(300)}`, locales, 'en')).toBe('en');
  });
});
