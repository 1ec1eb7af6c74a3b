/** Which packages may import which (docs/architecture.md). `npm run check` applies it to all sources and tests. */
/** Tests and their helpers, which are not built. */
const testing = '\\.test\\.ts$|/spec\\.ts$|contract\\.ts$|-in-test\\.ts$|/testing\\.ts$';
const from = (path) => ({ path, pathNot: testing });
const packagesBut = (...allowed) => `^packages/(?!(${allowed.join('|')})/)`;

/** A package may import these other packages. A service may import every package, but no other service. */
const mayImport = {
  events: [],
  domain: ['events'],
  eventing: ['events', 'domain'],
  service: ['eventing', 'events', 'domain'],
  shop: ['service', 'eventing', 'events', 'domain'],
  admission: ['shop', 'service', 'eventing', 'events', 'domain'],
  inventory: ['shop', 'service', 'eventing', 'events', 'domain'],
  reference: ['service', 'eventing', 'events', 'domain', 'ticket-pdf'],
  sales: ['shop', 'service', 'eventing', 'events', 'domain', 'ticket-pdf'],
  sync: ['shop', 'service', 'eventing', 'events', 'domain'],
  'ticket-pdf': ['domain'],
  'embedded-postgres': [],
  'local-kafka': ['embedded-postgres'],
};

const packageRules = Object.entries(mayImport).flatMap(([name, others]) => [
  {
    name: `${name}-knows-only-its-own`,
    comment: `packages/${name} may import ${others.length > 0 ? others.join(', ') : 'no other package'}.`,
    severity: 'error',
    from: from(`^packages/${name}/src`),
    to: { path: packagesBut(name, ...others) },
  },
  {
    name: `${name}-knows-no-service`,
    severity: 'error',
    from: { path: `^packages/${name}/` },
    to: { path: '^services/' },
  },
]);

module.exports = {
  forbidden: [
    ...packageRules,
    {
      name: 'no-cycles',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'services-do-not-meet',
      comment: 'Services meet over events only; all-in-one is their composition.',
      severity: 'error',
      from: { path: '^services/(?!all-in-one/)([^/]+)/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'services-know-no-database',
      comment:
        'SQL is in packages, each context knowing its own tables; a service hands a pool on, whose type it may name.',
      severity: 'error',
      from: from('^services/'),
      to: { path: 'node_modules/(@types/)?pg/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'events-know-zod-only',
      severity: 'error',
      from: from('^packages/events/src'),
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'core'], pathNot: 'node_modules/zod/' },
    },
    {
      name: 'the-domain-is-pure',
      comment: 'No npm package and no Node module: clock, ids and settings come in as arguments.',
      severity: 'error',
      from: from('^packages/domain/src'),
      to: { dependencyTypes: ['npm', 'npm-dev', 'npm-optional', 'npm-peer', 'core'] },
    },
    {
      name: 'the-domain-takes-types-of-events',
      severity: 'error',
      from: from('^packages/domain/src'),
      to: { path: '^packages/events/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'packages-by-name',
      comment: 'Another package is imported as @gatehouse/<package>/<file>, never by a path into its folder.',
      severity: 'error',
      from: { path: '^(packages|services)/([^/]+)/' },
      to: { path: '^(packages|services)/', pathNot: '^$1/$2/', dependencyTypesNot: ['aliased'] },
    },
    {
      name: 'sources-know-no-test',
      severity: 'error',
      from: from('^(packages|services)/[^/]+/src'),
      to: { path: '\\.test\\.ts$|^test/' },
    },
    {
      name: 'no-unlisted-packages',
      comment: 'What is imported is in package.json.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown', 'unknown'] },
    },
    {
      name: 'no-test-tools-in-sources',
      severity: 'error',
      from: from('^(packages|services)/[^/]+/src'),
      to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' },
    },
  ],
  options: {
    tsConfig: { fileName: 'tsconfig.check.json' },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)dist/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
