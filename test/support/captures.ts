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

type Line = Omit<Capture, 'body' | 'response'> & {
  response: { status: number; headers: Record<string, string>; body: string | null };
};

/** Finds captures of one version by name; throws for an unknown name. */
export function captures(version: '3.8' | '4.13'): (name: string) => Capture {
  const file = path.resolve(__dirname, `../fixtures/captures/pretix-${version}.ndjson`);
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const byName = new Map(lines.map((line) => JSON.parse(line) as Line).map((line) => [line.name, line]));
  return (name) => {
    const line = byName.get(name);
    if (!line) throw new Error(`pretix ${version} has no capture ${name}`);
    const { status, headers, body: text } = line.response;
    const isJson = headers['Content-Type'] === 'application/json' && text;
    return { ...line, response: { status, headers, text: text ?? '' }, body: isJson ? JSON.parse(text) : undefined };
  };
}
