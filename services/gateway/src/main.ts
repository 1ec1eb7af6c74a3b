import { drain, listen } from '@gatehouse/service/http';
import { CannotStart, runMain } from '@gatehouse/service/run-main';
import { UPSTREAM_SETTINGS } from '@gatehouse/service/services';
import { gateway } from './gateway';

/* The gateway: one address for all services, which routes by path to the configured processes. */

const GRACE_MS = 20_000;

runMain(async ({ config, log, atStop }) => {
  const { trustedProxies, upstreams } = config;
  // Readiness does not wait for a service that this installation does not have.
  const named = Object.fromEntries(Object.entries(upstreams).filter(([, urls]) => urls.length > 0));
  if (Object.keys(named).length === 0) {
    const settings = UPSTREAM_SETTINGS.map(([, name]) => name);
    throw new CannotStart(`The gateway has nowhere to send requests: set ${settings.join(' or ')}.`);
  }
  const { server, unready, close } = gateway(named, { log, trustedProxies });
  const { port } = await listen(server, config);
  log.info({ host: config.host, port }, 'ready for requests');
  atStop(async () => {
    unready();
    await drain(server, GRACE_MS);
    close();
  });
});
