/*
 * npm run faults -- [--rounds N]: kills the parts of the split system under load and checks that nothing is lost, doubled
 * or out of order. Longer than the one short round of npm test: 3 rounds, with the broker away for 30 s.
 */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build, install, root } from './prepare.mjs';
import { endTogether } from './end-together.mjs';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '3' }, absent: { type: 'string', default: '30' } },
});
if (![values.rounds, values.absent].every((value) => /^[1-9]\d*$/.test(value))) {
  console.error('npm run faults -- [--rounds N] [--absent SECONDS]: whole numbers.');
  process.exit(1);
}
install();
if (!build()) process.exit(1);
const env = {
  ...process.env,
  GATEHOUSE_FAULT_ROUNDS: values.rounds,
  GATEHOUSE_FAULT_ABSENT_MS: String(Number(values.absent) * 1_000),
};
const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const child = spawn(process.execPath, [jest, 'test/faults', '--verbose'], { cwd: root, stdio: 'inherit', env });
endTogether(child);
