import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readConfig } from '@gatehouse/service/config';
import { endLeftovers, startChild } from './child';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-child-'))));
afterAll(() => rm(folder, { recursive: true }));

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

test('a process that ends is started again, and each start tells its id, so that a later start can end it', async () => {
  const main = path.join(folder, 'main.js');
  await writeFile(main, 'setInterval(() => undefined, 1_000)');
  const pids: number[] = [];
  const said = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  let told: () => void = () => undefined;
  const child = startChild('gate', {
    main,
    config: readConfig({}),
    onStart(pid) {
      pids.push(pid!);
      told();
    },
  });
  const again = new Promise<void>((resolve) => (told = resolve));
  process.kill(pids[0]!, 'SIGKILL');
  await again;
  expect(pids).toHaveLength(2);
  expect(isAlive(pids[1]!)).toBe(true);
  await child.stop();
  expect(isAlive(pids[1]!)).toBe(false);
  said.mockRestore();
});

test('only processes of this installation are ended', async () => {
  await endLeftovers([process.pid], '/nosuch/installation');
  expect(isAlive(process.pid)).toBe(true);
});
