/** One jest for all packages: sources are read directly, types are checked by `npm run check`. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/packages', '<rootDir>/services', '<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/.*/dist/'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022', parser: { syntax: 'typescript' } }, module: { type: 'commonjs' } }] },
  moduleNameMapper: {
    '^@gatehouse/(events|domain|eventing|service|admission|reference)/(.*)$': '<rootDir>/packages/$1/src/$2.ts',
    '^@gatehouse/(checkin|legacy-droid|cli|all-in-one)/(.*)$': '<rootDir>/services/$1/src/$2.ts',
  },
  testTimeout: 60_000,
};
