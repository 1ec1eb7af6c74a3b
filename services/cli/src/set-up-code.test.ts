import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { showSetUp } from './set-up-code';

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
    expect(printed.mock.calls).toEqual([[`${content}\n`]]);
    expect(readFileSync(svg, 'utf8')).toBe(readFileSync(path.join(DOCS, 'set-up-a-scanner.svg'), 'utf8'));
  } finally {
    printed.mockRestore();
    rmSync(folder, { recursive: true });
  }
});
