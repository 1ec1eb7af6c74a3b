import { BlockList, isIP } from 'node:net';
import { isEverywhere, lanAddresses, urlOf } from '@gatehouse/service/address';
import type { Config } from '@gatehouse/service/config';
import { isPublicUrl } from '@gatehouse/service/setting-rules';
import { Refused } from './run-command';

const thisMachine = new BlockList();
thisMachine.addSubnet('127.0.0.0', 8);
thisMachine.addAddress('0.0.0.0');
thisMachine.addAddress('::1', 'ipv6');
thisMachine.addAddress('::', 'ipv6');

/** Where an app will look for this server, and why a phone cannot reach that; null when nothing speaks against it. */
export type PhoneAddress = { readonly url: string; readonly doubt: string | null };

/**
 * The address for a phone: the one that is named, else PUBLIC_URL, else where this server listens, in the network of this
 * machine. Throws Refused when what is named is no URL.
 */
export function addressForPhones(
  { host, port, publicUrl }: Pick<Config, 'host' | 'port' | 'publicUrl'>,
  named: string | undefined,
): PhoneAddress {
  if (named !== undefined && !isPublicUrl(named)) {
    throw new Refused('--url must be an address as https://gate.example.org: http or https, without user and query.');
  }
  const given = (named ?? publicUrl)?.replace(/\/+$/, '');
  if (given !== undefined) return { url: given, doubt: isOfThisMachine(given) ? doubtOf(given, NAME_IT) : null };
  const [inNetwork] = isEverywhere(host) ? lanAddresses(host, port) : [];
  const url = inNetwork ?? urlOf(host, port);
  if (isOfThisMachine(url)) return { url, doubt: doubtOf(url, START_OPEN) };
  return {
    url,
    doubt: `PUBLIC_URL is not set, so the app will look for ${url}: only phones in this network reach that. ${NAME_IT}`,
  };
}

const NAME_IT = 'If there is another address, name it with --url https://… or the setting PUBLIC_URL.';
const START_OPEN =
  'Start Gatehouse with HOST=0.0.0.0 for phones in the same network, or behind a proxy; then name its address with --url or the setting PUBLIC_URL.';

const doubtOf = (url: string, remedy: string) => `A phone cannot reach ${url}: that is this machine itself. ${remedy}`;

/** Whether a URL names the machine on which it is used. */
function isOfThisMachine(url: string): boolean {
  const name = new URL(url).hostname.replace(/^\[|\]$/g, '');
  const version = isIP(name);
  if (version === 0) return name === 'localhost' || name.endsWith('.localhost');
  return thisMachine.check(name, version === 4 ? 'ipv4' : 'ipv6');
}
