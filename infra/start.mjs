import { runBuilt } from './run-built.mjs';

// npm start: everything in one process, on an embedded PostgreSQL unless DATABASE_URL names another. npm run
// start:<service>: that service alone. npm run start:distributed: each service in its own processes, with everything that
// they need on this machine.
const [service = 'all-in-one', main = 'main'] = process.argv.slice(2);
runBuilt(`services/${service}/dist/${main}.js`, []);
