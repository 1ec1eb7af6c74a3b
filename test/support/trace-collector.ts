import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span in OTLP/HTTP's JSON, with the fields that tests check. */
export type ExportedSpan = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly links?: readonly { readonly traceId: string; readonly spanId: string }[];
};

type Export = { resourceSpans: { scopeSpans: { spans: ExportedSpan[] }[] }[] };

/** Receives spans instead of a collector. */
export type TraceCollector = {
  /** Settings of a process that sends every span here at once. */
  readonly env: Readonly<Record<string, string>>;
  readonly spans: readonly ExportedSpan[];
  /** Waits until a trace has spans with all of these names, and returns that trace. */
  trace(traceId: string, names: readonly string[]): Promise<ExportedSpan[]>;
  /** Waits for a span of this name with a link to a trace. */
  linked(name: string, traceId: string): Promise<ExportedSpan>;
  close(): Promise<void>;
};

const PATIENCE_MS = 20_000;

/** Receives the spans of processes with its `env`. */
export async function collectTraces(): Promise<TraceCollector> {
  const spans: ExportedSpan[] = [];
  const server = createServer((req, res) => {
    let text = '';
    req.setEncoding('utf8').on('data', (part: string) => (text += part));
    req.on('end', () => {
      const { resourceSpans } = JSON.parse(text) as Export;
      spans.push(...resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)));
      res.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  /** Polls until there is a result. After a timeout it throws, with the spans received. */
  async function until<T>(answer: () => T | undefined): Promise<T> {
    const givesUp = Date.now() + PATIENCE_MS;
    for (;;) {
      const given = answer();
      if (given !== undefined) return given;
      if (Date.now() > givesUp)
        throw new Error(`only these spans have come: ${spans.map(({ name }) => name).join(', ')}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  return {
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_BSP_SCHEDULE_DELAY: '50',
      TRACE_SAMPLING: '1',
    },
    spans,
    trace: (traceId, names) =>
      until(() => {
        const found = spans.filter((span) => span.traceId === traceId);
        return names.every((name) => found.some((span) => span.name === name)) ? found : undefined;
      }),
    linked: (name, traceId) =>
      until(() => spans.find((span) => span.name === name && span.links?.some((link) => link.traceId === traceId))),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
