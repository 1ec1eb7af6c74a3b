import type { AddressInfo, Server } from 'node:net';

/** Listens on any free port of this machine and returns it. */
export function portOf(server: Server): Promise<{ port: number }> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ port: (server.address() as AddressInfo).port }));
  });
}
