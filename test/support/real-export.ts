import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { System } from './system';

/* The export of a real pretix (test/fixtures/README.md): each file is what the endpoint of its name sends. */

export const REAL_EXPORT = path.resolve(__dirname, '../fixtures/pretix-export');
export const REAL_EVENTS = ['openair', 'tours'] as const;

/** The objects of a file, or its one object. */
export function realFile<T>(name: string): T {
  const text = readFileSync(path.join(REAL_EXPORT, name), 'utf8');
  if (!name.endsWith('.ndjson')) return JSON.parse(text) as T;
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as unknown) as T;
}

/** A token of a team that may do everything. */
export const realToken = (): string => realFile<{ tokens: { token: string }[] }[]>('teams.json')[0]!.tokens[0]!.token;

/** The results of all pages of a list. */
export async function allResults<T>(system: System, target: string, token: string): Promise<T[]> {
  const results: T[] = [];
  for (let next: string | null = target; next !== null;) {
    const { status, body } = await system.call('GET', next, { token });
    if (status !== 200) throw new Error(`${next} is answered with ${status}`);
    const page = body as { next: string | null; results: T[] };
    results.push(...page.results);
    next = page.next && new URL(page.next).pathname + new URL(page.next).search;
  }
  return results;
}
