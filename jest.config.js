const { readdirSync } = require('node:fs');
const { join } = require('node:path');

const foldersOf = (name) => readdirSync(join(__dirname, name));
/** `@gatehouse/reference/…` is the package; its service is `@gatehouse/reference-service/…`. */
const packages = new Set(foldersOf('packages'));
const services = foldersOf('services').filter((name) => !packages.has(name));

/** One jest for all packages: sources are read directly, types are checked by `npm run check`. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/packages', '<rootDir>/services', '<rootDir>/infra', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } },
    ],
  },
  moduleNameMapper: {
    [`^@gatehouse/(${services.join('|')})/(.*)$`]: '<rootDir>/services/$1/src/$2.ts',
    '^@gatehouse/reference-service/(.*)$': '<rootDir>/services/reference/src/$1.ts',
    '^@gatehouse/sync-service/(.*)$': '<rootDir>/services/sync/src/$1.ts',
    '^@gatehouse/test-support/(.*)$': '<rootDir>/test/support/$1.ts',
    '^@gatehouse/([^/]+)/(.*)$': '<rootDir>/packages/$1/src/$2.ts',
    // `import()` names the file that is built.
    '^\\./pdf-pages\\.js$': './pdf-pages',
  },
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  reporters: ['default', '<rootDir>/test/support/closing-line.js'],
  testSequencer: '<rootDir>/test/support/longest-first.js',
  // One more than CI has cores: some tests wait for Kafka, or for processes that they start.
  maxWorkers: 3,
  testTimeout: 120_000,
};
