import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConsumerStatus } from '@gatehouse/eventing/consumer-admin';
import type { Lag } from '@gatehouse/eventing/lag';
import { settledWithin } from '@gatehouse/eventing/within';
import { metrics, trace } from '@opentelemetry/api';
import type { Config } from './config';
import type { OfContext } from './host-context';
import type { Log } from './log';

/** The running telemetry of a process. */
export type Telemetry = {
  /** Port of /metrics; null when METRICS_PORT is not set. */
  readonly metricsPort: number | null;
  /** Sends the remaining spans and ends; call it last. */
  stop(): Promise<void>;
};

const NOTHING: Telemetry = { metricsPort: null, stop: () => Promise.resolve() };

/**
 * Starts OpenTelemetry if it is configured; call it before anything creates counters or spans. There is no automatic
 * instrumentation: all spans and counters are written in our code. The exporter reads OpenTelemetry's own environment
 * variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, …).
 */
export async function startTelemetry(
  { traces, metricsAt }: Config['telemetry'],
  { name, log }: { name: string; log: Log },
): Promise<Telemetry> {
  if (!traces && !metricsAt) return NOTHING;
  // Loaded only when configured, because it is large.
  const { NodeSDK, tracing } = await import('@opentelemetry/sdk-node');
  const { PrometheusExporter } = await import('@opentelemetry/exporter-prometheus');
  const prometheus = metricsAt && new PrometheusExporter({ preventServerStart: true, withoutScopeInfo: true });
  const share = new tracing.TraceIdRatioBasedSampler(traces?.sampling ?? 0);
  const sdk = new NodeSDK({
    serviceName: name,
    autoDetectResources: false,
    textMapPropagator: null,
    // Null, which the types do not allow, registers none: Node's asynchronous context would slow down every promise of the
    // process.
    contextManager: null as never,
    metricReaders: prometheus ? [prometheus] : [],
    logRecordProcessors: [],
    ...(traces ? {} : { spanProcessors: [] }),
    // The client's sampling flag is ignored: otherwise any client could make every scan more expensive.
    sampler: new tracing.ParentBasedSampler({ root: share, remoteParentSampled: share, remoteParentNotSampled: share }),
  });
  sdk.start();
  let server: Server | undefined;
  if (prometheus && metricsAt) {
    server = createServer((req, res) => {
      if (req.method === 'GET' && req.url === '/metrics') prometheus.getMetricsRequestHandler(req, res);
      else res.writeHead(404).end();
    });
    await listening(server, metricsAt);
  }
  const metricsPort = server ? (server.address() as AddressInfo).port : null;
  log.info({ traces: traces?.sampling ?? 0, metricsPort }, 'telemetry');
  return {
    metricsPort,
    async stop() {
      server?.closeAllConnections();
      server?.close();
      // A collector that is away must not delay the stop for long, nor make it fail.
      await settledWithin(2_000, sdk.shutdown());
      trace.disable();
      metrics.disable();
    },
  };
}

function listening(server: Server, at: { port: number; host: string }): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new Error(`METRICS_PORT cannot be used: ${cause.message}`, { cause })));
    server.listen(at.port, at.host, () => resolve());
  });
}

/** Reports the age of the oldest unprocessed event of each projection, consumer and relay, whenever metrics are read. */
export function observeLags(lags: () => Promise<readonly OfContext<Lag>[]>): void {
  const meter = metrics.getMeter('gatehouse');
  const gauges = {
    projection: meter.createObservableGauge('gatehouse.projection.lag.seconds', {
      description: 'Age of the oldest event of its own history that a projection has not applied; 0 when there is none',
    }),
    consumer: meter.createObservableGauge('gatehouse.consumer.lag.seconds', {
      description: 'Age of the oldest event of another context that a consumer has not applied; 0 when there is none',
    }),
    relay: meter.createObservableGauge('gatehouse.relay.lag.seconds', {
      description: 'Age of the oldest event that is not on Kafka; 0 when there is none',
    }),
  };
  meter.addBatchObservableCallback(async (result) => {
    const now = Date.now();
    const ages = (await lags()).map((lag) => ({
      ...lag,
      age: lag.oldestMs === null ? 0 : Math.max(0, now - lag.oldestMs) / 1_000,
    }));
    // Of several partitions the one furthest behind is reported: the last observed value counts.
    for (const { kind, context, name, topic, age } of ages.sort((a, b) => a.age - b.age)) {
      result.observe(gauges[kind], age, { context, name, topic });
    }
  }, Object.values(gauges));
}

/** Reports which projections and consumers are stuck at an event that they cannot apply. */
export function observeStuck(consumers: () => readonly OfContext<ConsumerStatus>[]): void {
  metrics
    .getMeter('gatehouse')
    .createObservableGauge('gatehouse.consumer.stuck', {
      description: '1 while a projection or consumer stands at an event that it cannot apply, else 0',
    })
    .addCallback((result) => {
      // Of several partitions a stuck one is reported: the last observed value counts.
      const states = consumers().map(({ stuck, ...each }) => ({ ...each, value: stuck ? 1 : 0 }));
      for (const { context, name, topic, value } of states.sort((a, b) => a.value - b.value)) {
        result.observe(value, { context, name, topic });
      }
    });
}
