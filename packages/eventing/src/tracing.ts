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

/** Makes every span of ours. Without telemetry they are nothing, and cost next to nothing. */
export const tracer = trace.getTracer('gatehouse');

/** A span as a W3C `traceparent`, for headers and events; null for one that belongs to no trace. */
export function traceparentOf(span: Span | undefined): string | null {
  if (!span) return null;
  const { traceId, spanId, traceFlags } = span.spanContext();
  if (traceId === INVALID_TRACEID) return null;
  return `00-${traceId}-${spanId}-${(traceFlags & 1) === 1 ? '01' : '00'}`;
}

/** The place in a trace that a valid `traceparent` names. `isRemote`: whether to sample what follows is not for it to say. */
export const spanContextOf = (traceparent: string, isRemote: boolean): SpanContext => ({
  traceId: traceparent.slice(3, 35),
  spanId: traceparent.slice(36, 52),
  traceFlags: isSampled(traceparent) ? 1 : 0,
  isRemote,
});

/** What a span that begins there is a child of. */
export const below = (place: SpanContext): Context => trace.setSpanContext(ROOT_CONTEXT, place);

/** The lowest bit of its flags, which end it. */
const isSampled = (traceparent: string): boolean => '13579bdf'.includes(traceparent.charAt(54));

const TRACEPARENT = /^[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What a header says, when it is a trace context of W3C's form; null for anything else. */
export const traceparentIn = (header: unknown): string | null =>
  typeof header === 'string' && TRACEPARENT.test(header) ? header : null;

/** A span that an event's request has as its child; none when that is not sampled. */
export function spanBelow(traceparent: string | null, name: string, kind: SpanKind): Span | undefined {
  if (traceparent === null || !isSampled(traceparent)) return undefined;
  return tracer.startSpan(name, { kind }, below(spanContextOf(traceparent, false)));
}

/**
 * Does work on many requests' events, which has one span: the child of the first request that is sampled, with links to all of
 * them. No span when none is.
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
    // Not the error's text: a database quotes the values that it met.
    span.setStatus({ code: SpanStatusCode.ERROR });
    throw error;
  } finally {
    span.end();
  }
}
