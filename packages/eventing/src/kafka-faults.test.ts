import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { contextRow } from '@gatehouse/events/contexts';
import type { Envelope } from '@gatehouse/events/envelope';
import { startKafka, type LocalKafka } from '@gatehouse/local-kafka/start-kafka';
import { describeWithKafka } from '@gatehouse/test-support/kafka';
import { aStream, idsOf } from './contract';
import { historyInTest, until, type HistoryInTest, type Opened } from './history-in-test';
import { kafkaBus, type KafkaBus } from './kafka-bus';
import { type kafkaClient } from './kafka-client';
import { definitions, happened, kafkaInTest, type KafkaInTest } from './kafka-in-test';
import type { FeedHealth } from './feed-health';
import { relayStatus, rewindRelay, runRelay } from './relay';

/** A TCP proxy that can drop the broker's next reply to a produce request. */
async function answerSwallower(
  port: number,
): Promise<{ port: number; arm(): void; swallowed(): number; close(): Promise<void> }> {
  let armed = false;
  let swallowed = 0;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(port, '127.0.0.1');
    let swallowing = false;
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        broker.destroy();
      });
    }
    client.on('data', (request) => {
      // Four bytes of length, then the request's type: 0 is Produce.
      if (armed && request.length > 6 && request.readInt16BE(4) === 0) {
        armed = false;
        swallowing = true;
      }
      broker.write(request);
    });
    broker.on('data', (answer) => {
      if (!swallowing) {
        client.write(answer);
        return;
      }
      swallowed++;
      client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    arm: () => (armed = true),
    swallowed: () => swallowed,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describeWithKafka('Kafka when things go wrong', () => {
  let folder: string;
  let kafka: LocalKafka;
  let installation: KafkaInTest;
  let history: HistoryInTest;
  let opened: Opened;
  const stops: { stop: AbortController; ended: Promise<void> }[] = [];
  const buses: KafkaBus[] = [];
  const said: FeedHealth[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-kafka-'));
    kafka = await startKafka({ folder });
  });
  beforeEach(async () => {
    installation = await kafkaInTest({ brokers: kafka.brokers }, 'admission');
    history = await historyInTest({ context: 'admission' });
    opened = history.open();
    said.length = 0;
  });
  afterEach(async () => {
    for (const { stop } of stops) stop.abort();
    for (const { ended } of stops.splice(0)) await ended;
    for (const bus of buses.splice(0)) await bus.close();
    await installation.close();
    await history.close();
  });
  afterAll(async () => {
    await kafka.stop();
    await rm(folder, { recursive: true });
  });

  function relay(socketFactory?: Parameters<typeof kafkaClient>[0]['socketFactory']): {
    stop: AbortController;
    ended: Promise<void>;
  } {
    const { pool, store } = history.open();
    const bus = kafkaBus({
      connection: { brokers: kafka.brokers, ...(socketFactory ? { socketFactory } : {}) },
      prefix: installation.prefix,
      publishes: { context: 'admission', definitions, topics: contextRow('admission').topics },
      pool,
      schema: 'admission',
      onHealth: (health) => said.push(health),
    });
    buses.push(bus);
    const stop = new AbortController();
    const feed = { ...store, topic: 'admission' as const };
    const running = {
      stop,
      ended: runRelay({ feed, bus, pool, signal: stop.signal, onHealth: (each) => said.push(each) }),
    };
    stops.push(running);
    return running;
  }

  async function append(stream: string, from: number, count: number): Promise<Envelope[]> {
    const events = Array.from({ length: count }, (_, i) => happened(stream, from + i));
    for (const event of events) await opened.store.append(stream, event.revision, [event]);
    return events;
  }

  /** The events of an outside reader, in its order. */
  function reader(): Envelope[] {
    const got: Envelope[] = [];
    const stop = new AbortController();
    const { bus } = installation.open();
    const handle = (_: unknown, batch: readonly Envelope[]) => {
      got.push(...batch);
      return Promise.resolve();
    };
    stops.push({ stop, ended: bus.consume(`reader-${randomUUID()}`, ['admission'], handle, { signal: stop.signal }) });
    return got;
  }

  const firsts = (events: readonly Envelope[]): Envelope[] => [
    ...new Map(events.map((each) => [each.id, each])).values(),
  ];
  const complete = async (got: readonly Envelope[], sent: readonly Envelope[]) => {
    await until(() => new Set(idsOf(got)).size >= sent.length);
    const seen: Envelope[] = [];
    for (const each of got) if (!seen.some((other) => other.id === each.id)) seen.push(each);
    expect(firsts(got)).toHaveLength(sent.length);
    expect(idsOf(seen)).toEqual(idsOf(sent));
  };

  test('the answer is lost after the broker took the batch: nothing is missing, the order stands', async () => {
    const proxy = await answerSwallower(Number(kafka.brokers[0]!.split(':')[1]));
    const got = reader();
    relay(({ onConnect }) => connect({ host: '127.0.0.1', port: proxy.port }, onConnect));
    const stream = aStream();
    const sent = await append(stream, 0, 5);
    await until(() => got.length >= 5);
    proxy.arm();
    sent.push(...(await append(stream, 5, 20)));
    await complete(got, sent);
    expect(proxy.swallowed()).toBeGreaterThan(0);
    await proxy.close();
  });

  test('the broker is killed and started again: relay and consumer go on by themselves', async () => {
    const got = reader();
    relay();
    const stream = aStream();
    const sent = await append(stream, 0, 5);
    await until(() => got.length >= 5);
    await kafka.kill();
    sent.push(...(await append(stream, 5, 10)));
    await until(() => said.some((each) => each.name === 'relay' && each.state === 'failing'));
    expect((await relayStatus(opened.pool, { ...opened.store, topic: 'admission' })).oldest).not.toBeNull();
    kafka = await startKafka({ folder, port: Number(kafka.brokers[0]!.split(':')[1]) });
    sent.push(...(await append(stream, 15, 5)));
    await complete(got, sent);
  });

  test('the broker stands still for 10 s: nothing is missing', async () => {
    const got = reader();
    relay();
    const stream = aStream();
    const sent = await append(stream, 0, 5);
    await until(() => got.length >= 5);
    kafka.pause();
    sent.push(...(await append(stream, 5, 10)));
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    kafka.resume();
    await complete(got, sent);
  });

  test('two relays: one publishes, the other takes over', async () => {
    const got = reader();
    const first = relay();
    const stream = aStream();
    const sent = await append(stream, 0, 5);
    await until(() => got.length >= 5);
    relay();
    await until(() => said.some((each) => each.state === 'standby' && each.name === 'relay'));
    first.stop.abort();
    await first.ended;
    sent.push(...(await append(stream, 5, 5)));
    await complete(got, sent);
    expect(got).toHaveLength(sent.length);
  });

  test('a topic that was made anew stops relay and consumer, and says by which command they go on', async () => {
    const feed = { ...opened.store, topic: 'admission' as const };
    const got = reader();
    const first = relay();
    const sent = await append(aStream(), 0, 5);
    await until(() => got.length >= 5);
    await installation.deleteTopic();
    expect(await installation.apply()).toMatchObject({ created: true });
    first.stop.abort();
    await first.ended;
    relay();
    await until(() => said.some((each) => /made anew.*gatehouse relay rewind/.test(each.error ?? '')));
    await rewindRelay(opened.pool, { feed, topics: [installation.topic] });
    await until(() => installation.said.some((each) => /made anew.*gatehouse consumer reset/.test(each.error ?? '')));
    const again = reader();
    await complete(again, sent);
  });

  test('an event newer than the relay stays, and all before it are published', async () => {
    const got = reader();
    relay();
    const stream = aStream();
    const old = await append(stream, 0, 3);
    await opened.store.append(stream, 3, [happened(stream, 3, 3)]);
    await until(() => said.some((each) => /has version 3, this release knows 2/.test(each.error ?? '')));
    await complete(got, old);
  });
});
