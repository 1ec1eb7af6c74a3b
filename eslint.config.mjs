import tseslint from 'typescript-eslint';
import { ownTables } from './infra/own-tables.mjs';

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name: a thing has one name everywhere.',
};
const noEnum = { selector: 'TSEnumDeclaration', message: 'A union of strings says the same and is data.' };
const noEnvironment = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Configuration is read in config.ts only.',
};

const noSql = {
  selector: "CallExpression[callee.property.name='query']",
  message: 'SQL is in packages: a service calls a function of the context whose tables it is about.',
};

/** One type-aware run over sources and tests; each rule here replaces a recurring review comment. */
export default tseslint.config(
  { ignores: ['**/dist/', '**/node_modules/', '**/coverage/', '.gatehouse/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  {
    files: ['**/*.ts'],
    languageOptions: {
      parser: tseslint.parser,
      parserOptions: { project: './tsconfig.check.json', tsconfigRootDir: import.meta.dirname },
    },
    plugins: { '@typescript-eslint': tseslint.plugin, gatehouse: { rules: { 'own-tables': ownTables } } },
    rules: {
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', ignoreRestSiblings: true }],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // Three is the aim; signatures of ports and of Express need four.
      '@typescript-eslint/max-params': ['error', { max: 4 }],
      'gatehouse/own-tables': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
      'no-restricted-syntax': ['error', noDefaultExport, noEnum, noEnvironment],
      'no-var': 'error',
      'prefer-const': 'error',
    },
  },
  {
    // The domain is pure: time, ids and secrets are arguments, and nothing is asynchronous.
    files: ['packages/domain/src/**/*.ts'],
    ignores: ['**/*.test.ts', '**/spec.ts'],
    rules: {
      'no-restricted-globals': ['error', 'process', 'fetch', 'crypto', 'setTimeout', 'setInterval', 'performance'],
      'no-restricted-syntax': [
        'error',
        noDefaultExport,
        noEnum,
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'The time is an argument.' },
        {
          selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']",
          message: 'The time is an argument.',
        },
        {
          selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']",
          message: 'Chance is an argument.',
        },
        { selector: 'AwaitExpression', message: 'A decision does not wait.' },
        { selector: ':function[async=true]', message: 'A decision does not wait.' },
      ],
    },
  },
  {
    files: ['services/**/*.ts'],
    rules: { 'no-restricted-syntax': ['error', noDefaultExport, noEnum, noEnvironment, noSql] },
  },
  {
    // The command line prints for people.
    files: ['services/cli/**/*.ts'],
    rules: { 'no-console': 'off' },
  },
  {
    files: ['**/config.ts', '**/*.test.ts', 'test/**/*.ts', 'packages/*/test/**/*.ts', 'infra/**/*.ts'],
    rules: {
      'no-restricted-syntax': ['error', noDefaultExport, noEnum],
      '@typescript-eslint/max-params': 'off',
      // Tests may read tables to check results.
      'gatehouse/own-tables': 'off',
    },
  },
  {
    // jest requires default exports, and console is the only output of its global set-up.
    files: ['test/support/global-*.ts', 'test/**/*.ts'],
    rules: { 'no-console': 'off', 'no-restricted-syntax': ['error', noEnum], 'no-var': 'off' },
  },
);
