import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** How a connection breaks at the next call. */
export type Cut =
  /** The server has executed the call, and its reply is lost. */
  | 'after the answer'
  /** The server never gets the call. */
  | 'before the call'
  /** The connection breaks, and the server gets the call much later. */
  | 'call delayed';

export type CuttingProxy = {
  /** The database's URL through the proxy. */
  readonly url: string;
  /** Breaks the connection at the next call; `cuts` counts broken ones. */
  arm(cut: Cut): void;
  readonly cuts: () => number;
  /** Breaks all connections and refuses new ones until `restore`. */
  cutAll(): void;
  restore(): void;
  close(): Promise<void>;
};

/** A TCP proxy in front of PostgreSQL that breaks connections at a chosen moment. */
export async function cuttingProxy(url: string): Promise<CuttingProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let armed: Cut | undefined;
  let cuts = 0;
  let refusing = false;

  const server = createServer((client) => {
    if (refusing) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(target.port || 5432), target.hostname);
    let swallowing = false;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    }
    client.on('data', (call) => {
      const cut = armed;
      armed = undefined;
      if (cut !== undefined) cuts++;
      if (cut === 'before the call') {
        client.destroy();
        upstream.destroy();
        return;
      }
      if (cut === 'call delayed') {
        client.removeAllListeners('close');
        sockets.delete(client);
        client.destroy();
        setTimeout(() => upstream.end(call), 150);
        return;
      }
      swallowing ||= cut === 'after the answer';
      upstream.write(call);
    });
    upstream.on('data', (answer) => {
      if (!swallowing) {
        client.write(answer);
        return;
      }
      // ReadyForQuery ends a reply: by then the transaction is committed.
      if (answer.subarray(-6, -1).equals(READY_FOR_QUERY)) {
        client.destroy();
        upstream.destroy();
      }
    });
    client.on('close', () => sockets.has(client) && upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  const cutAll = () => {
    refusing = true;
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: through.href,
    arm: (cut) => (armed = cut),
    cuts: () => cuts,
    cutAll,
    restore: () => (refusing = false),
    async close() {
      cutAll();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5]);
