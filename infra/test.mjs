import { spawn } from 'node:child_process';
import path from 'node:path';
import { install, root } from './prepare.mjs';

// npm test: works on a fresh clone. jest reads the sources, so nothing needs to be built, and says the closing line itself.
install();
const jest = path.join(root, 'node_modules', 'jest', 'bin', 'jest.js');
const child = spawn(process.execPath, [jest, ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));
