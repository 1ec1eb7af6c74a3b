import { networkInterfaces } from 'node:os';
import type { Config } from '@gatehouse/service/config';
import type { Running } from '@gatehouse/service/run';
import type { Demo } from './demo-festival';

/** What somebody needs to see after a start: where it listens, and with the demo festival how to scan a ticket. */
export function banner(config: Config, { url, port }: Pick<Running, 'url' | 'port'>, demo: Demo | undefined): string {
  const addresses = config.host === '0.0.0.0' ? lanAddresses().map((address) => `http://${address}:${port}`) : [url];
  const lines = ['', `Gatehouse listens on ${addresses.join(' and ')} (press Ctrl-C to stop)`];
  if (demo) {
    const base = config.host === '0.0.0.0' ? `http://127.0.0.1:${port}` : url;
    const list = `${base}/api/v1/organizers/${demo.organizer}/events/${demo.event}/checkinlists/${demo.list}`;
    lines.push(
      '',
      `API token of the demo festival: ${demo.token}`,
      '',
      'Scan a ticket (201 ok); the same again is refused (400 already_redeemed):',
      '',
      `  curl -i -X POST -H 'Authorization: Token ${demo.token}' \\`,
      `    ${list}/positions/${demo.secret}/redeem/`,
      '',
    );
  }
  return lines.join('\n');
}

/** Addresses under which phones in the same network find this machine. */
function lanAddresses(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((known) => known ?? [])
    .filter((address) => address.family === 'IPv4' && !address.internal)
    .map((address) => address.address);
  return ['127.0.0.1', ...addresses];
}
