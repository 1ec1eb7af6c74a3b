import type * as Kafkajs from 'kafkajs';
import type { Kafka, KafkaConfig, SASLOptions } from 'kafkajs';
import { settledWithin } from './within';

/** How to reach a cluster. The password must not be logged. */
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
  /** How sockets are opened; tests route them through a proxy. */
  readonly socketFactory?: KafkaConfig['socketFactory'];
};

/** A few quick retries inside kafkajs; after them the bus replaces the producer or consumer and reports the failure. */
export const RETRY = { retries: 4, initialRetryTime: 100, maxRetryTime: 1_000, factor: 0.2, multiplier: 2 };

/** Loaded at its first use, so that processes without Kafka start sooner. */
export const kafkajs = () => require('kafkajs') as typeof Kafkajs;

/** kafkajs's client, without its own logging: the bus's health reports failures. */
export function kafkaClient(connection: KafkaConnection): Kafka {
  const { brokers, tls, sasl, socketFactory } = connection;
  const { Kafka, logLevel } = kafkajs();
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

/** Disconnects a client; waits a limited time for a broker that does not answer. */
export const disconnected = (client: { disconnect(): Promise<void> }, atMostMs = 3_000): Promise<void> =>
  settledWithin(atMostMs, client.disconnect());
