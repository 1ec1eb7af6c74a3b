import { metrics } from '@opentelemetry/api';

/** What of reservations an operator sees. */
export type ReservationMetrics = {
  /** One decided place: `reserved`, `released` or the reason of the refusal. */
  decided(event: string, result: string): void;
  /** What a quota had left after a reservation of one of its places. */
  left(event: string, quota: number, left: number): void;
};

/** A quota without a reservation for so long is not reported: another process may know better. */
const RECENT_MS = 60_000;
/** Quotas with a reservation lately; more are not reported. */
const MOST_QUOTAS = 1_000;

/**
 * Keeps the numbers and reports them when metrics are read: an instrument of OpenTelemetry hashes its labels at every call. Events are
 * called `organizer/slug`.
 */
export function reservationMetrics(): ReservationMetrics {
  const results = new Map<string, Map<string, number>>();
  const quotas = new Map<number, { event: string; left: number; atMs: number }>();
  const meter = metrics.getMeter('gatehouse');
  meter
    .createObservableCounter('gatehouse.reservations', {
      description: 'Decided places by event and result: reserved, released, or the reason of the refusal',
    })
    .addCallback((observer) => {
      for (const [event, ofEvent] of results) {
        for (const [result, count] of ofEvent) observer.observe(count, { event, result });
      }
    });
  meter
    .createObservableGauge('gatehouse.quota.left', {
      description: 'Places left of a quota after its newest reservation in this process, for a minute',
    })
    .addCallback((observer) => {
      const nowMs = Date.now();
      for (const [quota, { event, left, atMs }] of quotas) {
        if (nowMs - atMs > RECENT_MS) quotas.delete(quota);
        else observer.observe(left, { event, quota });
      }
    });
  return {
    decided(event, result) {
      let ofEvent = results.get(event);
      if (!ofEvent) results.set(event, (ofEvent = new Map()));
      ofEvent.set(result, (ofEvent.get(result) ?? 0) + 1);
    },
    left(event, quota, left) {
      const known = quotas.get(quota);
      if (known) {
        known.left = left;
        known.atMs = Date.now();
      } else if (quotas.size < MOST_QUOTAS) {
        quotas.set(quota, { event, left, atMs: Date.now() });
      }
    },
  };
}
