import { displayName, joinName } from './names';

const parts = {
  salutation: 'Ms',
  title: 'Dr.',
  given_name: 'Ada',
  middle_name: 'B.',
  family_name: 'Testmann',
  degree: 'MSc',
  calling_name: 'Adi',
  full_name: 'Ada B. Testmann',
  latin_transcription: 'eida',
};

describe('joinName (contract §2.2)', () => {
  test.each([
    ['given_family', 'Ada Testmann'],
    ['title_given_family', 'Dr. Ada Testmann'],
    ['given_middle_family', 'Ada B. Testmann'],
    ['title_given_middle_family', 'Dr. Ada B. Testmann'],
    ['family_given', 'Testmann Ada'],
    ['family_nospace_given', 'TestmannAda'],
    ['family_comma_given', 'Testmann, Ada'],
    ['full', 'Ada B. Testmann'],
    ['calling_full', 'Ada B. Testmann'],
    ['full_transcription', 'Ada B. Testmann'],
    ['salutation_given_family', 'Ada Testmann'],
    ['salutation_title_given_family', 'Dr. Ada Testmann'],
    ['salutation_title_given_family_degree', 'Dr. Ada Testmann, MSc'],
  ])('%s: %s, as the event says or as the name says', (scheme, name) => {
    expect(joinName(parts, scheme)).toBe(name);
    expect(joinName({ ...parts, _scheme: scheme }, 'unheard_of')).toBe(name);
  });

  test.each([
    [{}, 'full', null],
    [{ _legacy: ' Peter ' }, 'given_family', ' Peter '],
    [{ _legacy: '' }, 'given_family', ''],
    [{ given_name: 'Ada', family_name: 'Testmann' }, 'full', ''],
    [{ given_name: '', family_name: 'Testmann' }, 'given_family', 'Testmann'],
    [{ given_name: 'Ada', family_name: null }, 'given_family', 'Ada'],
    [{ given_name: '', family_name: 'Testmann' }, 'family_comma_given', 'Testmann'],
    [{ given_name: 'Ada', family_name: '' }, 'family_comma_given', 'Ada'],
    [{ given_name: 'Ada', degree: '' }, 'salutation_title_given_family_degree', 'Ada'],
    [{ full_name: '  Ada  ' }, 'full', 'Ada'],
    [{ full_name: 42 }, 'full', '42'],
    [{ full_name: { deep: true } }, 'full', ''],
    [{ _scheme: 'given_family' }, 'full', ''],
    [{ _scheme: 'clan_given', clan: 'MacTest', given_name: 'Ada' }, 'full', 'MacTest Ada'],
    [{ _scheme: '__proto__', full_name: 'Ada' }, 'full', 'Ada'],
    [{ _scheme: 7, full_name: 'Ada' }, 'full', 'Ada'],
    [{ given_name: 'Ada' }, 'constructor', 'Ada'],
  ])('%j by %s is %j', (given, scheme, name) => {
    expect(joinName(given, scheme)).toBe(name);
  });
});

describe('displayName (contract §2.2)', () => {
  const named = (name: string) => ({ name, parts: { full_name: name } });
  const nobody = { name: null, parts: {} };
  test.each([
    ['own', named('Own'), named('Parent'), named('Invoice'), named('Own')],
    ["parent's", nobody, named('Parent'), named('Invoice'), named('Parent')],
    ["invoice address's", nobody, nobody, named('Invoice'), named('Invoice')],
    ["invoice address's, of a ticket that is no add-on", nobody, null, named('Invoice'), named('Invoice')],
    ['empty text of an address without a name', nobody, null, { name: '', parts: {} }, { name: '', parts: {} }],
    ['null without an address', nobody, null, null, nobody],
    ['null without an address, of an add-on', nobody, nobody, null, nobody],
    ['own empty text without an address', { name: '', parts: { x: '' } }, null, null, { name: '', parts: { x: '' } }],
  ])('%s', (_which, own, parent, invoiceAddress, shown) => {
    expect(displayName(own, parent, invoiceAddress)).toEqual(shown);
  });
});
