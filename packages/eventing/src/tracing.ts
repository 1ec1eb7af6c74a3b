import {
  INVALID_TRACEID,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type SpanContext,
} from '@opentelemetry/api';

/** The tracer of all our spans. Without telemetry it makes no-op spans, which cost almost nothing. */
export const tracer = trace.getTracer('gatehouse');

/** A span as a W3C `traceparent`, for headers and events; null for a span without a trace. */
export function traceparentOf(span: Span | undefined): string | null {
  if (!span) return null;
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (traceId === INVALID_TRACEID) return null;
  return `00-${traceId}-${spanId}-${(traceFlags & 1) === 1 ? '01' : '00'}`;
}

/** The span context of a valid `traceparent`. `isRemote`: it came from a client, whose sampling flag is ignored. */
export const spanContextOf = (traceparent: string, isRemote: boolean): SpanContext => ({
  traceId: traceparent.slice(3, 35),
  spanId: traceparent.slice(36, 52),
  traceFlags: isSampled(traceparent) ? 1 : 0,
  isRemote,
});

/** The context for spans whose parent is `place`. */
export const below = (place: SpanContext): Context => trace.setSpanContext(ROOT_CONTEXT, place);

/** Whether the lowest bit of its flags, its last digit, is set. */
const isSampled = (traceparent: string): boolean => '13579bdf'.includes(traceparent.charAt(54));

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The header's value if it is a valid W3C `traceparent`; otherwise null. */
export const traceparentIn = (header: unknown): string | null =>
  typeof header === 'string' && TRACEPARENT.test(header) ? header : null;

/** A child span of an event's request; none when the request is not sampled. */
export function spanBelow(traceparent: string | null, name: string, kind: SpanKind): Span | undefined {
  if (traceparent === null || !isSampled(traceparent)) return undefined;
  return tracer.startSpan(name, { kind }, below(spanContextOf(traceparent, false)));
}

/**
 * Runs `work` on the events of many requests in one span: a child of the first sampled request, with links to all sampled
 * ones. Without a sampled request there is no span.
 */
export async function spanOver<T>(
  name: string,
  traces: readonly (string | null)[],
  work: () => Promise<T>,
): Promise<T> {
  const sampled = [...new Set(traces)].filter((each) => each !== null && isSampled(each)) as string[];
  if (sampled.length === 0) return work();
  const places = sampled.map((each) => spanContextOf(each, false));
  const links = places.map((context) => ({ context }));
  const attributes = { 'gatehouse.events': traces.length };
  const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL, links, attributes }, below(places[0]!));
  try {
    return await work();
  } catch (error) {
    // Not the error's text: a database's errors quote values.
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
