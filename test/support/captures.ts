import { readFileSync } from 'node:fs';
import path from 'node:path';

/** One exchange with a real pretix (test/fixtures/captures). */
export type Capture = {
  readonly name: string;
  readonly request: { readonly method: string; readonly path: string; readonly body: string | null };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly text: string;
  };
  /** The response's body, when it is JSON. */
  readonly body: unknown;
};

/** The same with all that was sent, to send it again. */
export type Exchange = {
  readonly name: string;
  readonly request: Capture['request'] & { readonly headers: Readonly<Record<string, string>> };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
  };
};

type Version = '3.8' | '4.13';
const file = (name: string): string => readFileSync(path.resolve(__dirname, '../fixtures/captures', name), 'utf8');

/** The recorded exchanges of one version, by name. */
export const exchangesOf = (version: Version): ReadonlyMap<string, Exchange> =>
  new Map(
    file(`pretix-${version}.ndjson`)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Exchange)
      .map((exchange) => [exchange.name, exchange]),
  );

/** The ids, secrets and tokens behind them. */
export const fixtureOf = <T>(version: Version): T => JSON.parse(file(`fixture-${version}.json`)) as T;

/** Finds captures of one version by name; throws for an unknown name. */
export function captures(version: Version): (name: string) => Capture {
  const byName = exchangesOf(version);
  return (name) => {
    const exchange = byName.get(name);
    if (!exchange) throw new Error(`pretix ${version} has no capture ${name}`);
    const { status, headers, body: text } = exchange.response;
    const isJson = headers['Content-Type'] === 'application/json' && text;
    return {
      ...exchange,
      response: { status, headers, text },
      body: isJson ? JSON.parse(text) : undefined,
    };
  };
}
