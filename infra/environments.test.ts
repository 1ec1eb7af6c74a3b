import { spawn } from 'node:child_process';
import path from 'node:path';

/* A few unusual environments; `npm run environments` tests all of them, with clones of their own. */

it('starts, or says in a sentence why not', async () => {
  const rows = [
    'variables meant for other databases',
    'no HOME, and no folder for temporary files',
    'a HOST of another machine',
    'a data folder of another major version',
    'a damaged postgres.json',
    'a file where the data folder should be',
  ];
  const child = spawn(process.execPath, [path.join(__dirname, 'environments.mjs'), '--quick', ...rows]);
  let said = '';
  for (const output of [child.stdout, child.stderr]) output.on('data', (text: Buffer) => (said += text.toString()));
  const code = await new Promise((resolve) => child.on('close', resolve));
  expect({ code, said }).toMatchObject({ code: 0, said: expect.stringContaining('Right in every environment.') });
  for (const row of rows) expect(said).toContain(`ok     ${row}`);
}, 300_000);
