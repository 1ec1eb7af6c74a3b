import { metrics } from '@opentelemetry/api';

/**
 * Reports how many of something there are in each state, for all processes: `count` asks the database whenever metrics are
 * read. Returns a function that ends it.
 */
export function stateGauge(
  name: string,
  description: string,
  count: () => Promise<Readonly<Record<string, number>>>,
): () => void {
  const gauge = metrics.getMeter('gatehouse').createObservableGauge(name, { description });
  const observe: Parameters<typeof gauge.addCallback>[0] = async (result) => {
    // A database that is away is reported elsewhere.
    const counts = await count().catch(() => undefined);
    for (const [state, value] of Object.entries(counts ?? {})) result.observe(value, { state });
  };
  gauge.addCallback(observe);
  return () => gauge.removeCallback(observe);
}
