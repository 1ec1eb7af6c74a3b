import type { Answer } from '@gatehouse/service/testing';
import type { System } from './system';

/** An old scanner: a key in the query, a form in the body (contract §3). */
export type Droid = {
  get(
    endpoint: string,
    query?: Readonly<Record<string, string>>,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
  redeem(fields: Readonly<Record<string, string>>, headers?: Readonly<Record<string, string>>): Promise<Answer>;
};

/** A scanner configured for `event` (`demo/openair`, or `demo/tours/601` for one date). */
export function droid(system: Pick<System, 'call'>, event: string, key: string): Droid {
  const base = `/pretixdroid/api/${event}/`;
  return {
    get: (endpoint, query = {}, headers = {}) =>
      system.call('GET', `${base}${endpoint}?${new URLSearchParams({ key, ...query }).toString()}`, { headers }),
    redeem: (fields, headers = {}) =>
      system.call('POST', `${base}redeem/?key=${key}`, {
        body: new URLSearchParams(fields).toString(),
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      }),
  };
}
