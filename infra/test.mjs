import { spawn } from 'node:child_process';
import path from 'node:path';
import { build, install, root } from './prepare.mjs';
import { endTogether } from './end-together.mjs';

// npm test: works on a fresh clone. jest reads the sources, but its global set-up uses our built packages; the tests also
// show errors of the build. jest prints the closing line itself.
install();
build();
const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const child = spawn(process.execPath, [jest, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
endTogether(child);
