import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { requireFolders, showSetUp } from './set-up-code';

const DOCS = path.resolve(__dirname, '../../../docs');

test('the picture in docs/set-up-a-scanner.md is the code that stands below it', async () => {
  const [, content] = /`({"handshake_version".*?})`/.exec(
    readFileSync(path.join(DOCS, 'set-up-a-scanner.md'), 'utf8'),
  )!;
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-code-'));
  const svg = path.join(folder, 'code.svg');
  const printed = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    await showSetUp(JSON.parse(content!) as object, { svg });
    expect(statSync(svg).mode & 0o777).toBe(0o600);
    expect(printed.mock.calls).toEqual([[`${content}\n`]]);
    expect(readFileSync(svg, 'utf8')).toBe(readFileSync(path.join(DOCS, 'set-up-a-scanner.svg'), 'utf8'));
  } finally {
    printed.mockRestore();
    rmSync(folder, { recursive: true });
  }
});

test('a file that cannot be written is refused with a sentence, before there is a code', async () => {
  const sentence = '/nosuch/folder/code.png cannot be written (ENOENT).';
  const options = { png: '/nosuch/folder/code.png' };
  await expect(requireFolders(options)).rejects.toMatchObject({ name: 'Refused', message: sentence });
  const printed = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  await expect(showSetUp({}, options)).rejects.toMatchObject({ name: 'Refused', message: sentence });
  // The code was shown all the same.
  expect(printed).toHaveBeenCalledWith('{}\n');
  printed.mockRestore();
  await expect(requireFolders({ svg: 'code.svg' })).resolves.toBeUndefined();
});
