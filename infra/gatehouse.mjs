import { runBuilt } from './run-built.mjs';

// npm run gatehouse -- <command>, npm run import -- <folder>
runBuilt('services/cli/dist/main.js', process.argv.slice(2));
