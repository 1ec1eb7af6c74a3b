/*
 * Finds two reasons why a package-lock.json works on one machine and fails on the next: npm drops packages for other
 * platforms that a registry lacks, and it records the registry of whoever installed.
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { root } from './prepare.mjs';

const { packages } = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8'));
const complaints = [];

for (const [name, entry] of Object.entries(packages)) {
  const tarball = entry.resolved ?? '';
  if (/^\w+:/.test(tarball) && !tarball.startsWith('https://registry.npmjs.org/')) {
    complaints.push(`${name} comes from ${tarball}: only https://registry.npmjs.org may be named.`);
  }
  for (const optional of Object.keys(optionalOf(name, entry))) {
    if (!isLocked(name, optional)) {
      complaints.push(
        `${name || 'package.json'} names the optional package ${optional}, which is not in the lock file.`,
      );
    }
  }
}

/** From the manifest itself, since a lock file that lost a package may have lost its entry as well. */
function optionalOf(name, entry) {
  const manifest = path.join(root, name, 'package.json');
  const written = existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).optionalDependencies : {};
  return { ...entry.optionalDependencies, ...written };
}

/** Searches where Node does: beside the package, then further up. */
function isLocked(from, wanted) {
  for (let folder = from; ; folder = folder.replace(/(^|\/)node_modules\/(@[^/]+\/)?[^/]+$/, '')) {
    if (packages[`${folder}${folder ? '/' : ''}node_modules/${wanted}`]) return true;
    if (folder === '') return false;
    if (!folder.includes('node_modules/')) folder = '';
  }
}

for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length > 0 ? 1 : 0;
