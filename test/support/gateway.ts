import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { gateway } from '@gatehouse/gateway/gateway';
import { createLog } from '@gatehouse/service/log';
import { call } from '@gatehouse/service/testing';

/** A gateway on a port of its own; `url` is what clients talk to. */
export type RunningGateway = { readonly url: string; close(): Promise<void> };

/** Starts a gateway before these processes, and waits until it has found them ready. */
export async function startGateway(
  upstreams: Parameters<typeof gateway>[0],
  options: Partial<Parameters<typeof gateway>[1]> = {},
): Promise<RunningGateway> {
  const { server, close } = gateway(upstreams, { log: createLog('silent'), ...options });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  while ((await call(url, 'GET', '/readyz')).status !== 200) await new Promise((again) => setTimeout(again, 10));
  return {
    url,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      close();
    },
  };
}
