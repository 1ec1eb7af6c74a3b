import { metrics } from '@opentelemetry/api';
import { stateGauge } from '../state-gauge';
import type { RenderState } from './files';

/** What of renderings an operator sees. */
export type RenderMetrics = {
  /** Pages drawn by this process. */
  drawn(pages: number): void;
  close(): void;
};

/** `count`: the renderings of all processes by state, asked for when metrics are read. */
export function renderMetrics(count: () => Promise<Record<RenderState['status'], number>>): RenderMetrics {
  let pages = 0;
  // Reported from the start, so that a rate can be computed from the first page on.
  metrics
    .getMeter('gatehouse')
    .createObservableCounter('gatehouse.render.pages', { description: 'Pages of tickets drawn by this process' })
    .addCallback((observer) => observer.observe(pages));
  const close = stateGauge(
    'gatehouse.render.jobs',
    'Renderings of the last 24 hours by state, of all processes: waiting, running, failed, succeeded',
    count,
  );
  return {
    drawn(drawn) {
      pages += drawn;
    },
    close,
  };
}
