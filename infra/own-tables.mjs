import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const packages = path.join(path.dirname(fileURLToPath(import.meta.url)), '..', 'packages');

/** Packages whose tables are in every context's schema, where the context's own statements may read them. */
const IN_EVERY_SCHEMA = new Set(['eventing', 'shop']);

/** The package that creates a table, by the table's name. */
const owners = new Map();
for (const owner of readdirSync(packages)) {
  if (IN_EVERY_SCHEMA.has(owner)) continue;
  for (const file of sourcesOf(owner)) {
    const text = readFileSync(file, 'utf8');
    for (const [, table] of text.matchAll(/create table (?:if not exists )?([a-z_]+)/g)) owners.set(table, owner);
  }
}

function sourcesOf(name) {
  return ['sql', 'src'].flatMap((folder) => {
    const within = path.join(packages, name, folder);
    const files = existsSync(within) ? readdirSync(within, { recursive: true }) : [];
    return files.filter((file) => /(?<!\.test)\.(?:sql|ts)$/.test(file)).map((file) => path.join(within, file));
  });
}

const STATEMENT = /\b(?:select|insert into|update|delete from|declare|alter table|drop table|lock table|truncate)\b/i;
const TABLE = /(?<=\b(?:from|join|into|update|table|using|truncate)\s+(?:only\s+)?(?:[a-z_]+\.)?)\b[a-z_]+/gi;

/** An ESLint rule: SQL may not name a table of another package (docs/architecture.md). */
export const ownTables = {
  meta: {
    type: 'problem',
    schema: [],
    messages: { foreign: 'The table {{table}} is known to packages/{{owner}} only: call a function of that package.' },
  },
  create(context) {
    const [, name] = /(?:^|[\\/])packages[\\/]([^\\/]+)[\\/]/.exec(context.filename) ?? [];
    const check = (node, text) => {
      if (!STATEMENT.test(text)) return;
      for (const table of new Set(text.toLowerCase().match(TABLE))) {
        const owner = owners.get(table);
        if (owner !== undefined && owner !== name) {
          context.report({ node, messageId: 'foreign', data: { table, owner } });
        }
      }
    };
    return {
      Literal: (node) => typeof node.value === 'string' && check(node, node.value),
      TemplateLiteral: (node) => check(node, node.quasis.map(({ value }) => value.cooked).join(' ')),
    };
  },
};
