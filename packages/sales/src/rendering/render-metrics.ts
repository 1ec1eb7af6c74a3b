import { metrics } from '@opentelemetry/api';
import type { RenderState } from './files';

/** What of renderings an operator sees. */
export type RenderMetrics = {
  /** Pages drawn by this process. */
  drawn(pages: number): void;
  close(): void;
};

/** `count`: the renderings of all processes by state, asked for when metrics are read. */
export function renderMetrics(count: () => Promise<Record<RenderState['status'], number>>): RenderMetrics {
  const meter = metrics.getMeter('gatehouse');
  const pages = meter.createCounter('gatehouse.render.pages', {
    description: 'Pages of tickets drawn by this process',
  });
  const jobs = meter.createObservableGauge('gatehouse.render.jobs', {
    description: 'Renderings of the last 24 hours by state, of all processes: waiting, running, failed, succeeded',
  });
  const observe: Parameters<typeof jobs.addCallback>[0] = async (result) => {
    // A database that is away is reported elsewhere.
    const counts = await count().catch(() => undefined);
    for (const [state, value] of Object.entries(counts ?? {})) result.observe(value, { state });
  };
  jobs.addCallback(observe);
  return { drawn: (count) => pages.add(count), close: () => jobs.removeCallback(observe) };
}
