import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** The rule's messages for a source, from ESLint in a separate process: jest cannot load the rule, which is an ES module. */
function complaints(filename: string, code: string): string[] {
  const program = `
    import { Linter } from 'eslint';
    import { ownTables } from ${JSON.stringify(path.join(__dirname, 'own-tables.mjs'))};
    const plugins = { gatehouse: { rules: { 'own-tables': ownTables } } };
    const config = { plugins, rules: { 'gatehouse/own-tables': 'error' } };
    const found = new Linter().verify(${JSON.stringify(code)}, [config], ${JSON.stringify(filename)});
    console.log(JSON.stringify(found.map(({ message }) => message)));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    cwd: path.join(__dirname, '..'),
  });
  if (stderr) throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

const known = (table: string, owner: string) =>
  `The table ${table} is known to packages/${owner} only: call a function of that package.`;
const admission = 'packages/admission/src/probe.js';
const reference = 'packages/reference/src/probe.js';
const service = 'services/checkin/src/probe.js';

test.each([
  ['a service reads a table', service, "'select id from tickets where id = $1'", [known('tickets', 'admission')]],
  [
    'in a template, and another one that it joins',
    service,
    '`with seen as (select 1) delete from checkins using ${other} join lists l on true`',
    [known('checkins', 'admission'), known('lists', 'admission')],
  ],
  ['another context writes it', reference, "'insert into admissions values ($1)'", [known('admissions', 'admission')]],
  ['by its schema', reference, "'update admission.tickets set id = 1'", [known('tickets', 'admission')]],
  ['the other way round', admission, "'select * from positions'", [known('positions', 'reference')]],
  ['its own context', admission, "'select * from tickets join orders o on true'", []],
  ['tables that are in every schema', admission, "'select position from checkpoints join facts f on true'", []],
  ['a sentence', service, "'The tickets that are read come from orders.'", []],
])('%s', (_, filename, text, expected) => {
  expect(complaints(filename, `const sql = ${text};`)).toEqual(expected);
});
