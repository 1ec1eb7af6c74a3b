import { isEverywhere, lanAddresses } from '@gatehouse/service/address';
import type { Config } from '@gatehouse/service/config';
import type { Running } from '@gatehouse/service/run';
import type { Demo } from './demo-festival';

/** The message after a start: the address, and with the demo festival how to scan a ticket, reserve a place and print tickets. */
export function banner(config: Config, { url, port }: Pick<Running, 'url' | 'port'>, demo: Demo | undefined): string {
  const addresses = isEverywhere(config.host) ? [url, ...lanAddresses(config.host, port)] : [url];
  const lines = ['', `Gatehouse listens on ${addresses.join(' and ')} (press Ctrl-C to stop)`];
  if (demo) {
    const event = `${url}/api/v1/organizers/${demo.organizer}/events/${demo.event}`;
    lines.push(
      '',
      `API token of the demo festival: ${demo.token}`,
      '',
      'Scan a ticket (201 ok); the same again is refused (400 already_redeemed):',
      '',
      `  curl -i -X POST -H 'Authorization: Token ${demo.token}' \\`,
      `    ${event}/checkinlists/${demo.list}/positions/${demo.secret}/redeem/`,
      '',
    );
    if (demo.boat) {
      const { item, price, quota } = demo.boat;
      lines.push(
        `Reserve a place on the boat, which has three (201); the fourth is refused (400). ${event}/quotas/${quota}/availability/ counts them:`,
        '',
        `  curl -i -X POST -H 'Authorization: Token ${demo.token}' -H 'Content-Type: application/json' \\`,
        `    -d '{"item":${item},"price":"${price}"}' ${event}/cartpositions/`,
        '',
      );
    }
    if (demo.printed) {
      const { item, layout } = demo.printed;
      lines.push(
        'Make ten tickets for the box office, each of which is let in once, and print them:',
        '',
        `  GATEHOUSE_TOKEN=${demo.token} npm run gatehouse -- batch create --url ${url} \\`,
        `    --event ${demo.organizer}/${demo.event} --item ${item} --layout ${layout} --amount 10 --pdf tickets.pdf`,
        '',
      );
    }
  }
  return lines.join('\n');
}
