import type { IncomingMessage } from 'node:http';
import { below, spanContextOf, traceparentIn, traceparentOf, tracer } from '@gatehouse/eventing/tracing';
import { metrics, ROOT_CONTEXT, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { beginWork } from './connections';

/** The observation of one request, with its only span. */
export type Observed = {
  /** The `traceparent` for the request's events: the span's; without telemetry the client's, or null. */
  readonly trace: string | null;
  /** Called once, with the status of the reply. */
  end(status: number): void;
};

/** Used instead of a status when the client disconnected before the reply. */
export const CLIENT_GONE = 499;

/**
 * Begins the observation of a request and counts it as running until it ends. `route` is a pattern, never a path, since
 * paths contain tickets' secrets.
 */
export function requestObserver(): (req: IncomingMessage, route: string) => Observed {
  const durations = metrics.getMeter('gatehouse').createHistogram('gatehouse.request.duration.seconds', {
    description: 'From the first byte that was read of a request to the writing of its reply',
    advice: { explicitBucketBoundaries: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10] },
  });
  return (req, route) => {
    const begunMs = performance.now();
    const work = beginWork(req);
    const sent = traceparentIn(req.headers['traceparent']);
    const parent = sent === null ? ROOT_CONTEXT : below(spanContextOf(sent, true));
    const name = `${req.method} ${route}`;
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER }, parent);
    return {
      trace: traceparentOf(span),
      end(status) {
        work.count--;
        // Few labels: they are hashed for every request.
        durations.record((performance.now() - begunMs) / 1_000, { route: name, status });
        if (!span.isRecording()) return;
        span.setAttributes({ 'http.route': route, 'http.response.status_code': status });
        if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
        span.end();
      },
    };
  };
}
