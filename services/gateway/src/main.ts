import { drain, listen } from '@gatehouse/service/http';
import { CannotStart, runMain } from '@gatehouse/service/run-main';
import { gateway } from './gateway';

/* One address for all services: routes by path to the processes named in CHECKIN_URLS and LEGACY_DROID_URLS. */

const GRACE_MS = 20_000;

runMain(async ({ config, log, atStop }) => {
  const { checkin, legacyDroid } = config.upstreams;
  if (checkin.length + legacyDroid.length === 0) {
    throw new CannotStart('The gateway has nowhere to send requests: set CHECKIN_URLS or LEGACY_DROID_URLS.');
  }
  const { trustedProxies, upstreams } = config;
  const { server, unready, close } = gateway(upstreams, { log, trustedProxies });
  const { port } = await listen(server, config);
  log.info({ host: config.host, port }, 'ready for requests');
  atStop(async () => {
    unready();
    await drain(server, GRACE_MS);
    close();
  });
});
