import { networkInterfaces } from 'node:os';

/** The URL at which this machine reaches a server that listens on `host`. */
export function urlOf(host: string, port: number): string {
  if (isEverywhere(host)) return `http://127.0.0.1:${port}`;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Whether a HOST means every address of the machine. */
export const isEverywhere = (host: string): boolean => /^(0\.0\.0\.0|::|(0{1,4}:){7}0{1,4})$/.test(host);

/** URLs at which phones in the same network reach a server that listens on every address (`host`). */
export function lanAddresses(host: string, port: number): string[] {
  return (
    Object.values(networkInterfaces())
      .flatMap((known) => known ?? [])
      // A link-local IPv6 address needs an interface name, which differs between machines.
      .filter(({ family, internal, address }) => !internal && (family === 'IPv4' || !address.startsWith('fe80')))
      .filter(({ family }) => family === 'IPv4' || host.includes(':'))
      .map(({ address }) => urlOf(address, port))
  );
}
