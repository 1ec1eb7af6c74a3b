import { isIP } from 'node:net';

/* Whether a text is a valid value of a setting (config.ts). */

/** `postgres://…` or `postgresql://…`. */
export function isPostgresUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && ['postgres:', 'postgresql:'].includes(url.protocol);
}

/** `esdb://…` or `esdb+discover://…`. */
export function isEventStoreUrl(text: string): boolean {
  return /^esdb(\+discover)?:\/\/[^\s/]+/.test(text);
}

/** `host:port`, an IPv6 address in brackets. */
export function isBroker(text: string): boolean {
  const [, port] = /^(?:[a-z0-9._-]+|\[[0-9a-f:]+\]):(\d{1,5})$/i.exec(text) ?? [];
  return port !== undefined && Number(port) >= 1 && Number(port) <= 65_535;
}

/** `http://host:port` and nothing behind it. */
export function isUpstream(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url !== undefined && url.protocol === 'http:' && `${url.origin}/` === url.href;
}

/** An absolute URL without query, fragment and credentials. */
export function isPublicUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.search === '' && url.hash === '' && url.username === '' && url.password === '';
}

/** What Express takes as a trusted proxy: an address, a CIDR range, or one of its three names. */
export function isProxy(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}
