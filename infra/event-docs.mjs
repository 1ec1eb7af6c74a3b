/*
 * What outsiders get to know of our events, made from packages/events: asyncapi.yaml, and packages/events/published/ with the JSON
 * Schema of each version. With --check it compares them with what is there and asks AsyncAPI's own parser about the document;
 * without, it writes them. The schema of an earlier version stays as its release has written it.
 */
import { Parser } from '@asyncapi/parser';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { stringify } from 'yaml';
import { root } from './prepare.mjs';

const require = createRequire(import.meta.url);
const { admission } = require('@gatehouse/events/admission');
const { asyncApi, publishedSchema } = require('@gatehouse/events/published');
const { topicName, topicPlan } = require('@gatehouse/eventing/kafka-topics');

const folder = path.join(root, 'packages', 'events', 'published');
const complaints = [];

/** `reference` is internal: it carries names, e-mails and secrets because admission needs them. */
const context = 'admission';
const files = new Map();
const schemas = new Map();
for (const definition of admission.definitions.values()) {
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
const { partitions } = topicPlan(context, { replicationFactor: 3, minInsyncReplicas: 2 });
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const document = asyncApi(version, [{ context, topic: topicName(context), partitions, schemas }]);
const text = `# Made by \`node infra/event-docs.mjs\` from packages/events.\n${stringify(document, { lineWidth: 120, blockQuote: 'literal' })}`;
files.set(path.join(root, 'asyncapi.yaml'), text);

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
    if (!schemas.has(name.replace(/\.json$/, '')))
      complaints.push(`packages/events/published/${name} is of no known event.`);
  }
  for (const { message, severity, path: at } of await new Parser().validate(text)) {
    // 2 and 3 are information and hints.
    if (severity < 2) complaints.push(`asyncapi.yaml at ${at.join('.')}: ${message}`);
  }
}
