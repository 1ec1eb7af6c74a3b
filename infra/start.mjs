import { runBuilt } from './run-built.mjs';

// npm start: everything in one process, on an embedded PostgreSQL unless the environment names another.
// npm run start:<service>: that service alone.
const [service = 'all-in-one'] = process.argv.slice(2);
runBuilt(`services/${service}/dist/main.js`, []);
