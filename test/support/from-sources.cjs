/*
 * Lets a process that a test starts run TypeScript sources, as jest does: `node --require …/from-sources.cjs main.ts`. Types are
 * left out by swc, and the result is kept by its source's content, so that of the many processes of a run only the first pays for it.
 */
const { createHash, randomUUID } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { moduleNameMapper, transform } = require('../../jest.config.js');

const root = path.join(__dirname, '..', '..');
const [[, options]] = Object.values(transform);
const version = require('@swc/core/package.json').version;
const cache = path.join(root, 'node_modules', '.cache', 'gatehouse', 'sources');
mkdirSync(cache, { recursive: true });

const mapped = Object.entries(moduleNameMapper).map(([pattern, file]) => [new RegExp(pattern), file]);
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, ...rest) {
  for (const [pattern, file] of mapped) {
    const found = pattern.exec(request);
    if (!found) continue;
    const source = file.replace('<rootDir>', root).replace(/\$(\d)/g, (_, n) => found[n]);
    return resolve.call(this, source, ...rest);
  }
  return resolve.call(this, request, ...rest);
};

Module._extensions['.ts'] = (module, file) => module._compile(compiled(file), file);

function compiled(file) {
  const source = readFileSync(file, 'utf8');
  const key = createHash('sha256').update(version).update(JSON.stringify(options)).update(source).digest('hex');
  const kept = path.join(cache, `${key}.js`);
  try {
    return readFileSync(kept, 'utf8');
  } catch {
    // Not compiled yet.
  }
  const { code } = require('@swc/core').transformSync(source, { ...options, filename: file, swcrc: false });
  // Under its name only when it is whole: other processes read it.
  const unfinished = `${kept}.${randomUUID()}`;
  writeFileSync(unfinished, code);
  renameSync(unfinished, kept);
  return code;
}
