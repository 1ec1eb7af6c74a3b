/*
 * docker-compose.yml against the Compose Specification's own schema, as the package dclint brings it along; and by the real
 * command where there is one. What runs our code has to be as harmless as it can.
 */
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import { root } from './prepare.mjs';

const schemaFile = path.join(root, 'node_modules', 'dclint', 'schemas', 'compose.schema.json');
const { $schema, ...schema } = JSON.parse(readFileSync(schemaFile, 'utf8'));
const compose = parse(readFileSync(path.join(root, 'docker-compose.yml'), 'utf8'), { merge: true });
const complaints = [];

const validate = addFormats.default(new Ajv({ strict: false, allErrors: true })).compile(schema);
if (!validate(compose)) {
  for (const { instancePath, message } of validate.errors)
    complaints.push(`docker-compose.yml${instancePath} ${message}`);
}

for (const [name, service] of Object.entries(compose.services)) {
  if (!/:[\w.-]+$/.test(service.image) || service.image.endsWith(':latest')) {
    complaints.push(`${name} must name the tag of its image`);
  }
  if (service.image !== 'gatehouse:local') continue;
  const harmless =
    service.user === 'node' && service.read_only && service.cap_drop?.includes('ALL') && !service.privileged;
  if (!harmless) complaints.push(`${name} must run as node, without capabilities, on a read-only root`);
}
if (/^# *syntax=/im.test(readFileSync(path.join(root, 'infra', 'Dockerfile'), 'utf8'))) {
  complaints.push('infra/Dockerfile must not pull a front end of its own (# syntax=)');
}

if (spawnSync('docker', ['compose', 'version']).status === 0) {
  const { status, stderr } = spawnSync('docker', ['compose', '--profile', '*', 'config', '--quiet'], { cwd: root });
  if (status !== 0) complaints.push(`docker compose config: ${stderr}`);
} else {
  console.log('Compose v2 is not here: docker-compose.yml was held against the schema only.');
}
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length > 0 ? 1 : 0;
