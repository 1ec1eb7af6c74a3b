import { runBuilt } from './run-built.mjs';

// npm start: everything in one process, on an embedded PostgreSQL unless the environment names another.
// npm run start:<service>: that service alone.
// npm run start:distributed: the services as processes of their own, with all that they need on this machine.
const [service = 'all-in-one', main = 'main'] = process.argv.slice(2);
runBuilt(`services/${service}/dist/${main}.js`, []);
