import { spawnSync } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-prepare-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Calls a function of prepare.mjs in a separate process: jest cannot load the ES module, and it may exit. */
function call(name: 'install' | 'build') {
  const module = path.join(__dirname, 'prepare.mjs');
  const program = `const m = await import(${JSON.stringify(module)}); console.log(m.${name}(${JSON.stringify(folder)}));`;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  return { status: result.status, answer: result.stdout.trim(), said: result.stderr };
}

async function writeJson(name: string, content: unknown): Promise<void> {
  await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
  await writeFile(path.join(folder, name), JSON.stringify(content));
}

describe('install', () => {
  /** A project whose only dependency is a local package, so that no registry is needed. */
  beforeEach(async () => {
    await writeJson('package.json', { name: 'p', version: '1.0.0', workspaces: ['packages/*'] });
    await writeJson('packages/a/package.json', { name: 'a', version: '1.0.0' });
    await writeJson('package-lock.json', {
      name: 'p',
      version: '1.0.0',
      lockfileVersion: 3,
      packages: {
        '': { name: 'p', version: '1.0.0', workspaces: ['packages/*'] },
        'node_modules/a': { resolved: 'packages/a', link: true },
        'packages/a': { version: '1.0.0' },
      },
    });
  });

  it('runs npm ci when node_modules is missing, and then no more', () => {
    const first = call('install');
    expect(first).toMatchObject({ status: 0 });
    expect(first.said).toContain('because node_modules is missing');
    expect(call('install').said).toBe('');
  });

  it('runs npm ci when a package is not there', async () => {
    call('install');
    await rm(path.join(folder, 'node_modules/a'));
    expect(call('install').said).toContain('because package-lock.json has changed');
    expect(call('install').said).toBe('');
  });

  it('fails with a sentence when npm ci fails', async () => {
    await rm(path.join(folder, 'package.json'));
    const { status, said } = call('install');
    expect(status).toBe(1);
    expect(said).toContain('The dependencies could not be installed.');
  });
});

describe('build', () => {
  beforeEach(async () => {
    await mkdir(path.join(folder, 'node_modules'));
    await symlink(path.join(__dirname, '../node_modules/typescript'), path.join(folder, 'node_modules/typescript'));
    await writeJson('tsconfig.json', { files: [], references: [{ path: 'a' }] });
    const compilerOptions = {
      composite: true,
      rootDir: 'src',
      outDir: 'dist',
      tsBuildInfoFile: 'dist/.tsbuildinfo',
      types: [],
    };
    await writeJson('a/tsconfig.json', { compilerOptions, include: ['src'] });
    await mkdir(path.join(folder, 'a/src'));
    await writeFile(path.join(folder, 'a/src/one.ts'), 'export const one: number = 1;\n');
  });

  it('builds when dist is missing, and then no more, also when the folder is moved', async () => {
    expect(call('build')).toMatchObject({ status: 0, answer: 'true' });
    expect(call('build').said).toBe('');
    const before = folder;
    folder = `${before}-moved`;
    await cp(before, folder, { recursive: true, verbatimSymlinks: true });
    await rm(before, { recursive: true });
    expect(call('build').said).toBe('');
  });

  it('builds when a source has changed, and says no when it is wrong', async () => {
    call('build');
    await writeFile(path.join(folder, 'a/src/one.ts'), "export const one: number = 'one';\n");
    const wrong = call('build');
    expect(wrong.answer).toBe('false');
    expect(wrong.said).toMatch(/the sources have changed[^]*one\.ts.*TS2322/);
    expect(call('build').answer).toBe('false');
  });
});
