import { runBuilt } from './run-built.mjs';

// npm start: everything in one process, on an embedded PostgreSQL unless the environment names another.
runBuilt('services/all-in-one/dist/main.js', process.argv.slice(2));
