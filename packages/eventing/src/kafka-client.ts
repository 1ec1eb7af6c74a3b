import { Kafka, logLevel, type KafkaConfig, type SASLOptions } from 'kafkajs';
import { settledWithin } from './within';

/** How to reach a cluster. The password is not for logs. */
export type KafkaConnection = {
  /** `host:port` of some brokers; the others are found through them. */
  readonly brokers: readonly string[];
  /** TLS with the system's authorities, or with these certificates in PEM. */
  readonly tls?: { readonly ca?: string } | undefined;
  readonly sasl?:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: string;
      }
    | undefined;
  /** How sockets are opened; tests send them through a proxy. */
  readonly socketFactory?: KafkaConfig['socketFactory'];
};

/** A few quick tries inside kafkajs; beyond them the bus begins anew with a new producer or consumer, and says so. */
export const RETRY = { retries: 4, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 };

/** kafkajs's client. It is quiet: failures are reported by the bus's health, not by a second log with its own form. */
export function kafkaClient(connection: KafkaConnection): Kafka {
  const { brokers, tls, sasl, socketFactory } = connection;
  return new Kafka({
    clientId: 'gatehouse',
    brokers: [...brokers],
    ...(tls ? { ssl: tls.ca === undefined ? true : { ca: [tls.ca] } } : {}),
    ...(sasl ? { sasl: sasl as SASLOptions } : {}),
    ...(socketFactory ? { socketFactory } : {}),
    connectionTimeout: 3_000,
    authenticationTimeout: 5_000,
    requestTimeout: 15_000,
    retry: RETRY,
    logLevel: logLevel.NOTHING,
  });
}

/** Ends a client's connections, but waits for a broker that does not answer no longer than this. */
export const disconnected = (client: { disconnect(): Promise<void> }, atMostMs = 3_000): Promise<void> =>
  settledWithin(atMostMs, client.disconnect());
