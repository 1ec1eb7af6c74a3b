import path from 'node:path';

/** Options of `node` with which a process of a test runs the sources, so that nothing needs to be built. */
export const FROM_SOURCES = ['--require', path.join(__dirname, 'from-sources.cjs')] as const;
