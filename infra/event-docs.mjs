/*
 * Generates the documents of our public events from packages/events: asyncapi.yaml, and packages/events/published/ with the
 * JSON Schema of each version. With --check it compares them with the existing files and validates the document with
 * AsyncAPI's own parser; without, it writes them. The schema of an earlier version is never rewritten.
 */
import { Parser } from '@asyncapi/parser';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { stringify } from 'yaml';
import { root } from './prepare.mjs';

const require = createRequire(import.meta.url);
const { CONTEXT_NAMES, contextRow } = require('@gatehouse/events/contexts');
const { asyncApi, publishedSchema } = require('@gatehouse/events/published');
const { topicsOf } = require('@gatehouse/eventing/kafka-topics');

const folder = path.join(root, 'packages', 'events', 'published');
const complaints = [];

const files = new Map();
/** By `Type.v1`, of all contexts. */
const known = new Set();
const published = CONTEXT_NAMES.flatMap((context) =>
  topicsOf(context)
    .filter(({ audience }) => audience === 'public')
    .map(({ topic, partitions }) => ({ context, topic, partitions, schemas: schemasOf(context) })),
);
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const document = asyncApi(version, published);
const text = `# Made by \`node infra/event-docs.mjs\` from packages/events.\n${stringify(document, { lineWidth: 120, blockQuote: 'literal' })}`;
files.set(path.join(root, 'asyncapi.yaml'), text);

/** The public schemas of a context; those of current versions become files. */
function schemasOf(context) {
  const schemas = new Map();
  for (const definition of contextRow(context).definitions.values()) {
    if (definition.isPrivate) continue;
    for (let version = 1; version < definition.version; version++) {
      const file = path.join(folder, `${definition.type}.v${version}.json`);
      if (!existsSync(file)) throw new Error(`${file} is missing: take it from the release that had this version`);
      schemas.set(`${definition.type}.v${version}`, JSON.parse(readFileSync(file, 'utf8')));
    }
    const key = `${definition.type}.v${definition.version}`;
    const schema = publishedSchema(context, definition);
    schemas.set(key, schema);
    files.set(path.join(folder, `${key}.json`), `${JSON.stringify(schema, null, 2)}\n`);
  }
  for (const key of schemas.keys()) known.add(key);
  return schemas;
}

if (process.argv.includes('--check')) await check();
else write();
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length > 0 ? 1 : 0;

function write() {
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of files) writeFileSync(file, content);
}

async function check() {
  for (const [file, content] of files) {
    if (!existsSync(file) || readFileSync(file, 'utf8') !== content) {
      complaints.push(`${path.relative(root, file)} is not what packages/events says: run node infra/event-docs.mjs.`);
    }
  }
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (!known.has(name.replace(/\.json$/, '')))
      complaints.push(`packages/events/published/${name} is of no known event.`);
  }
  for (const { message, severity, path: at } of await new Parser().validate(text)) {
    // 2 and 3 are information and hints.
    if (severity < 2) complaints.push(`asyncapi.yaml at ${at.join('.')}: ${message}`);
  }
}
