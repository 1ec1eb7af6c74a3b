/*
 * Checks docker-compose.yml against the Compose Specification's schema (from the package dclint), and with `docker compose`
 * if it is installed. Containers with our code must have minimal rights, nothing may have a well-known password, and only
 * ports for people may be published. The processes, the gateway's upstreams and Prometheus' targets must match
 * packages/service/src/services.ts, the databases packages/events/src/contexts.ts.
 */
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parse } from 'yaml';
import { root } from './prepare.mjs';

const require = createRequire(import.meta.url);
const { SERVICES, upstreamsIn } = require('@gatehouse/service/services');
const { CONTEXT_NAMES } = require('@gatehouse/events/contexts');

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
/** Services for people on this machine; all others are reachable only inside the containers' network. */
const open = new Set(['gateway', 'prometheus', 'grafana']);
for (const [name, { ports = [], environment = {} }] of Object.entries(compose.services)) {
  for (const port of ports) {
    if (!open.has(name)) complaints.push(`${name} must publish no port`);
    if (!/^(127\.0\.0\.1|\$\{BIND:-127\.0\.0\.1\}):/.test(port))
      complaints.push(`${name} must publish ${port} on 127.0.0.1`);
  }
  for (const [variable, value] of Object.entries(environment)) {
    if (/PASSWORD|SECRET/.test(variable) && !/^\$\{\w+:\?[^}]+\}$/.test(String(value))) {
      complaints.push(`${name} must take ${variable} from a variable that is required`);
    }
  }
}
const source = readFileSync(path.join(root, 'docker-compose.yml'), 'utf8');
for (const [found] of source.matchAll(/\$\{\w*PASSWORD\w*:?[-+][^}]*\}/g))
  complaints.push(`${found} is a password that all know`);
const kafka = compose.services.kafka.environment;
for (const listener of kafka.KAFKA_LISTENER_SECURITY_PROTOCOL_MAP.split(',')) {
  if (!/:SASL_/.test(listener)) complaints.push(`kafka must ask for a password: ${listener}`);
}
if (compose.services.grafana.environment.GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION !== 'true') {
  complaints.push('grafana must have no administrator with its default password');
}
if (/^# *syntax=/im.test(readFileSync(path.join(root, 'infra', 'Dockerfile'), 'utf8'))) {
  complaints.push('infra/Dockerfile must not pull a front end of its own (# syntax=)');
}

const rows = Object.values(SERVICES);
const processes = rows.flatMap(({ name, processes }) => processes.map((each) => ({ service: name, ...each })));
for (const { service, name, roles } of processes) {
  const { command, environment } = compose.services[name] ?? {};
  const main = `services/${service}/dist/main.js`;
  if (String(command) !== main) complaints.push(`${name} must be there, with the command ['${main}']`);
  if (environment?.ROLES !== roles?.join()) complaints.push(`${name} must have ROLES: ${roles?.join() ?? 'none'}`);
}
const others = new Set(['gateway', 'topics', 'cli']);
for (const [name, { image }] of Object.entries(compose.services)) {
  const isListed = processes.some((each) => each.name === name) || others.has(name);
  if (image === 'gatehouse:local' && !isListed) complaints.push(`${name} is in no row of services.ts`);
}
const { gateway } = compose.services;
for (const row of rows.filter(({ requests }) => requests)) {
  const { setting } = row.requests;
  const urls = upstreamsIn(row).map(({ name }) => `http://${name}:8080`);
  if (gateway.environment[setting] !== urls.join()) complaints.push(`gateway must have ${setting}: ${urls.join()}`);
}
const behind = rows.flatMap((row) => upstreamsIn(row).map(({ name }) => name));
if (!isSame(gateway.depends_on, behind)) complaints.push(`gateway must depend on ${behind.join(', ')}`);
const databases = readFileSync(path.join(root, 'infra', 'postgres', 'databases.sql'), 'utf8');
for (const context of CONTEXT_NAMES) {
  const setting = `${context.toUpperCase()}_DATABASE_URL`;
  const isSet = String(compose.services.cli.environment[setting]).endsWith(`@postgres:5432/${context}`);
  if (!isSet) complaints.push(`x-settings must have ${setting}, of the database ${context}`);
  if (!databases.includes(`create database ${context};`)) complaints.push(`databases.sql must create ${context}`);
}
const prometheus = parse(readFileSync(path.join(root, 'infra', 'prometheus', 'prometheus.yml'), 'utf8'));
const asked = prometheus.scrape_configs.flatMap((job) => job.static_configs.flatMap(({ targets }) => targets));
const measured = processes.map(({ name }) => `${name}:9464`);
if (!isSame(asked, measured)) complaints.push(`prometheus.yml must have the targets ${measured.join(', ')}`);

function isSame(one, other) {
  return [...one].sort().join() === [...other].sort().join();
}

if (spawnSync('docker', ['compose', 'version']).status === 0) {
  const { status, stderr } = spawnSync('docker', ['compose', '--profile', '*', 'config', '--quiet'], {
    cwd: root,
    env: { ...process.env, POSTGRES_PASSWORD: 'x', KAFKA_PASSWORD: 'x' },
  });
  if (status !== 0) complaints.push(`docker compose config: ${stderr}`);
} else {
  console.log('Compose v2 is not here: docker-compose.yml was held against the schema only.');
}
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length > 0 ? 1 : 0;
