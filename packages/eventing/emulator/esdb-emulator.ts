import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  ServerFeaturesService,
  type IServerFeaturesServer,
} from '@eventstore/db-client/generated/serverfeatures_grpc_pb';
import { SupportedMethod, SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb';
import { Empty, StreamIdentifier, UUID } from '@eventstore/db-client/generated/shared_pb';
import { StreamsService, type IStreamsServer } from '@eventstore/db-client/generated/streams_grpc_pb';
import { type AppendReq, AppendResp, type ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb';
import * as grpc from '@grpc/grpc-js';
import { emulatedLog, type Appended, type Expected, type LogRecord, type Proposed } from './emulated-log';

/** How the next append fails. */
export type Fault =
  /** It is committed, and the connection is cut before the reply. */
  | 'answer cut'
  /** It is committed, and no reply is ever sent. */
  | 'answer lost'
  /** It is not committed, and the connection is cut. */
  | 'call cut'
  /** The connection is cut at once, and the call is committed much later. */
  | 'call delayed';

/**
 * A protocol emulator of EventStoreDB's Streams service for tests, on the stubs of the official client: single appends with
 * expected revisions and idempotency, reads, and filtered subscriptions with checkpoints. Nothing is durable.
 */
export type EsdbEmulator = {
  /** URL for the official client. */
  readonly url: string;
  /** The next append fails this way; `faults` counts failed appends. */
  arm(fault: Fault): void;
  readonly faults: () => number;
  /** Delays the commit of appends, in milliseconds. */
  delayAppends(ms: number): void;
  /** The highest number of concurrent appends so far. */
  readonly mostAtOnce: () => number;
  /** Calls so far, by method. */
  readonly calls: ReadonlyMap<string, number>;
  /** Events that were sent in reads and subscriptions. */
  readonly eventsSent: () => number;
  /** Appends system events and foreign events: statistics, metadata, links, and streams whose names resemble ours. */
  foreign(count: number): void;
  /** Ends every subscription with `cancelled`, as a stopping server does. */
  disconnect(): void;
  /** Stops serving and keeps the log; `start` serves it again on the same port. */
  stop(): Promise<void>;
  start(): Promise<void>;
};

const MAX_APPEND_BYTES = 1_048_576;
const DELAY_MS = 150;
/**
 * Events that a filtered subscription considers for one checkpoint, times the multiplier, when the client gives no window.
 */
const SEARCH_WINDOW = 32;

export async function esdbEmulator(): Promise<EsdbEmulator> {
  const log = emulatedLog();
  const calls = new Map<string, number>();
  const subscriptions = new Set<grpc.ServerWritableStream<ReadReq, ReadResp>>();
  let server: grpc.Server | undefined;
  let port = 0;
  let armed: Fault | undefined;
  let faults = 0;
  let delay = 0;
  let atOnce = 0;
  let mostAtOnce = 0;
  let eventsSent = 0;

  // A server's log begins with its own records.
  system('$epoch-information', '$epochs', 1);
  system('$statsCollected', '$stats-127.0.0.1:2113', 2);

  function system(type: string, stream: string, count: number): void {
    const event = () => ({
      id: randomUUID(),
      type,
      contentType: 'application/json',
      metadata: NOTHING,
      data: json({}),
    });
    log.append(stream, 'any', Array.from({ length: count }, event));
  }

  function counted(method: string): void {
    calls.set(method, (calls.get(method) ?? 0) + 1);
  }

  /** Appends and replies, or fails in the armed way. */
  async function handle(ask: Ask, answer: (appended: Appended) => void, breakOff: () => void): Promise<void> {
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    const fault = armed;
    armed = undefined;
    if (fault) faults++;
    try {
      if (delay > 0) await pause(delay);
      if (fault === 'call cut') return breakOff();
      if (fault === 'call delayed') {
        breakOff();
        await pause(DELAY_MS);
      }
      const appended = log.append(ask.stream, ask.expected, ask.events);
      if (fault === 'answer cut') breakOff();
      if (fault === undefined) answer(appended);
    } finally {
      atOnce--;
    }
  }

  async function read(call: grpc.ServerWritableStream<ReadReq, ReadResp>): Promise<void> {
    const options = call.request.getOptions()!;
    const from = options.getStream();
    if (options.hasSubscription()) return follow(call, options);
    const backwards = options.getReadDirection() === 1;
    let records: readonly LogRecord[];
    if (from) {
      const name = from.getStreamIdentifier()!;
      const stream = log.stream(textOf(name.getStreamName_asU8()));
      if (stream.length === 0) {
        await send(call, new ReadResp().setStreamNotFound(new ReadResp.StreamNotFound().setStreamIdentifier(name)));
        call.end();
        return;
      }
      const at = from.hasStart() ? 0 : from.hasEnd() ? stream.length : Number(from.getRevision());
      records = backwards ? stream.slice(0, at + 1) : stream.slice(at);
    } else {
      const all = options.getAll()!;
      const at = all.hasStart() ? 0n : all.hasEnd() ? null : BigInt(all.getPosition()!.getCommitPosition());
      const index = at === null ? log.records.length : firstFrom(log.records, at);
      // Inclusive of the position, in both directions.
      const included = log.records[index]?.position === at ? 1 : 0;
      records = backwards ? log.records.slice(0, index + included) : log.records.slice(index);
    }
    if (backwards) records = records.toReversed();
    const count = Number(options.getCount());
    for (const record of count < records.length ? records.slice(0, count) : records) {
      if (call.cancelled) return;
      await sendEvent(call, record);
    }
    call.end();
  }

  /** Exclusive of its position; continues until client or server ends it. */
  async function follow(call: grpc.ServerWritableStream<ReadReq, ReadResp>, options: ReadReq.Options): Promise<void> {
    const all = options.getAll();
    if (!all) throw unimplemented('subscriptions to one stream');
    const filter = options.getFilter();
    const prefixes = filter?.getStreamIdentifier()?.getPrefixList() ?? [];
    if (filter && prefixes.length === 0) throw unimplemented('filters other than by prefixes of stream names');
    const window = filter?.hasMax() ? filter.getMax() : SEARCH_WINDOW;
    const interval = (filter?.getCheckpointintervalmultiplier() ?? 1) * window;
    let index = 0;
    if (all.hasEnd()) index = log.records.length;
    const position = all.getPosition();
    if (position) index = firstFrom(log.records, BigInt(position.getCommitPosition()) + 1n);

    let wake: () => void = () => undefined;
    const forget = log.onAppend(() => wake());
    call.on('cancelled', () => wake());
    call.on('close', () => wake());
    subscriptions.add(call);
    try {
      const id = new ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID());
      await send(call, new ReadResp().setConfirmation(id));
      let considered = 0;
      while (subscriptions.has(call) && !call.cancelled) {
        const record = log.records[index];
        if (!record) {
          await new Promise<void>((resolve) => (wake = resolve));
          continue;
        }
        index++;
        if (!filter || prefixes.some((prefix) => record.stream.startsWith(prefix))) await sendEvent(call, record);
        if (filter && ++considered >= interval) {
          considered = 0;
          const at = String(record.position);
          const checkpoint = new ReadResp.Checkpoint().setCommitPosition(at).setPreparePosition(at);
          await send(call, new ReadResp().setCheckpoint(checkpoint));
        }
      }
    } finally {
      subscriptions.delete(call);
      forget();
    }
  }

  async function sendEvent(call: grpc.ServerWritableStream<ReadReq, ReadResp>, record: LogRecord): Promise<void> {
    eventsSent++;
    await send(call, new ReadResp().setEvent(readEvent(record)));
  }

  const streams: IStreamsServer = {
    append(call, answer) {
      counted('append');
      const asks: AppendReq[] = [];
      call.on('data', (ask: AppendReq) => asks.push(ask));
      call.on('end', () => {
        // A client that cancelled in the middle has appended nothing.
        if (call.cancelled) return;
        const options = asks[0]!.getOptions()!;
        const events = asks.slice(1).map((ask) => proposed(ask.getProposedMessage()!));
        if (sizeOf(events) > MAX_APPEND_BYTES) return answer(tooLarge());
        const stream = textOf(options.getStreamIdentifier()!.getStreamName_asU8());
        const expected = expectedOf(options, options.hasRevision() && options.getRevision());
        void handle(
          { stream, expected, events },
          (appended) => answer(null, appendResponse(appended)),
          () => answer(cut()),
        );
      });
      call.on('error', () => undefined);
    },
    batchAppend(call) {
      counted('batchAppend');
      call.emit('error', unimplemented('batch appends'));
    },
    read(call) {
      counted('read');
      call.on('error', () => undefined);
      read(call).catch((error: Error) => call.emit('error', error));
    },
    delete: (_call, answer) => answer(unimplemented('delete')),
    tombstone: (_call, answer) => answer(unimplemented('tombstone')),
  };

  const features: IServerFeaturesServer = {
    getSupportedMethods(_call, answer) {
      counted('getSupportedMethods');
      const methods = Object.values(StreamsService).map(({ path }: { path: string }) => {
        const [, service, method] = path.split('/');
        return new SupportedMethod().setServiceName(service!).setMethodName(method!.toLowerCase());
      });
      answer(null, new SupportedMethods().setEventStoreServerVersion('23.10.0').setMethodsList(methods));
    },
  };

  async function start(): Promise<void> {
    const starting = new grpc.Server({ 'grpc.max_receive_message_length': 17 * MAX_APPEND_BYTES });
    starting.addService(StreamsService, streams);
    starting.addService(ServerFeaturesService, features);
    port = await new Promise<number>((resolve, reject) =>
      starting.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
        error ? reject(error) : resolve(bound),
      ),
    );
    server = starting;
  }
  await start();

  const noise: [string, string][] = [
    ['$statsCollected', '$stats-127.0.0.1:2113'],
    ['$metadata', '$$admission.ticket-1'],
    ['$>', '$ce-admission.ticket'],
    ['Happened', 'admissions.ticket-1'],
    ['Happened', 'elsewhere.admission.ticket-1'],
    ['Happened', 'admission'],
  ];
  function disconnect(): void {
    for (const call of subscriptions) {
      subscriptions.delete(call);
      call.emit('error', failure(grpc.status.CANCELLED, 'the emulator ended the subscription'));
    }
  }

  return {
    url: `esdb://127.0.0.1:${port}?tls=false`,
    arm: (fault) => (armed = fault),
    faults: () => faults,
    delayAppends: (ms) => (delay = ms),
    mostAtOnce: () => mostAtOnce,
    calls,
    eventsSent: () => eventsSent,
    foreign(count) {
      for (let i = 0; i < count; i++) {
        const [type, stream] = noise[i % noise.length]!;
        system(type, stream, 1);
      }
    },
    disconnect,
    async stop() {
      disconnect();
      // Lets pending statuses be sent before the connections break.
      await pause(5);
      server?.forceShutdown();
      server = undefined;
    },
    start,
  };
}

type Ask = { readonly stream: string; readonly expected: Expected; readonly events: readonly Proposed[] };

const NOTHING = new Uint8Array();
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const textOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8');

const failure = (code: grpc.status, details: string) => Object.assign(new Error(details), { code, details });
const cut = () => failure(grpc.status.UNAVAILABLE, 'the emulator cut the connection');
const unimplemented = (what: string) => failure(grpc.status.UNIMPLEMENTED, `the emulator has no ${what}`);

/** Waits while the client reads more slowly. */
async function send(call: grpc.ServerWritableStream<ReadReq, ReadResp>, response: ReadResp): Promise<void> {
  if (call.write(response) || call.cancelled || call.destroyed) return;
  const events = ['drain', 'cancelled', 'close'];
  await new Promise<void>((resolve) => {
    const goOn = () => {
      for (const event of events) call.off(event, goOn);
      resolve();
    };
    for (const event of events) call.on(event, goOn);
  });
}

/** The index of the first record at `position` or after it. */
function firstFrom(records: readonly LogRecord[], position: bigint): number {
  let [low, high] = [0, records.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (records[middle]!.position < position) low = middle + 1;
    else high = middle;
  }
  return low;
}

function proposed(message: AppendReq.ProposedMessage): Proposed {
  const facts = message.getMetadataMap();
  return {
    id: message.getId()!.getString(),
    type: facts.get('type')!,
    contentType: facts.get('content-type')!,
    metadata: message.getCustomMetadata_asU8(),
    data: message.getData_asU8(),
  };
}

/** Size as the server counts it for its limit. */
const sizeOf = (events: readonly Proposed[]): number =>
  events.reduce((bytes, { data, metadata, type }) => bytes + data.length + metadata.length + 2 * type.length, 0);

function expectedOf(options: { hasNoStream(): boolean; hasAny(): boolean }, revision: string | false): Expected {
  if (revision !== false) return Number(revision);
  return options.hasNoStream() ? 'no stream' : options.hasAny() ? 'any' : 'stream exists';
}

function readEvent({ position, ...record }: LogRecord): ReadResp.ReadEvent {
  const at = String(position);
  const event = new ReadResp.ReadEvent.RecordedEvent()
    .setId(new UUID().setString(record.id))
    .setStreamIdentifier(new StreamIdentifier().setStreamName(Buffer.from(record.stream)))
    .setStreamRevision(String(record.revision))
    .setCommitPosition(at)
    .setPreparePosition(at)
    .setCustomMetadata(record.metadata)
    .setData(record.data);
  event.getMetadataMap().set('type', record.type).set('content-type', record.contentType);
  // .NET's ticks of 100 ns.
  event.getMetadataMap().set('created', String(BigInt(record.created.getTime()) * 10_000n));
  return new ReadResp.ReadEvent().setEvent(event).setCommitPosition(at);
}

function appendResponse(appended: Appended): AppendResp {
  if (appended.outcome === 'wrong expected version') {
    const wrong = new AppendResp.WrongExpectedVersion();
    if (appended.current < 0) wrong.setCurrentNoStream(new Empty());
    else wrong.setCurrentRevision(String(appended.current));
    return new AppendResp().setWrongExpectedVersion(wrong);
  }
  const at = String(appended.position);
  const position = new AppendResp.Position().setCommitPosition(at).setPreparePosition(at);
  const success = new AppendResp.Success().setCurrentRevision(String(appended.revision)).setPosition(position);
  return new AppendResp().setSuccess(success);
}

function tooLarge(): Partial<grpc.StatusObject> {
  const metadata = new grpc.Metadata();
  metadata.set('exception', 'maximum-append-size-exceeded');
  metadata.set('maximum-append-size', String(MAX_APPEND_BYTES));
  return { code: grpc.status.INVALID_ARGUMENT, details: 'Maximum Append Size Exceeded.', metadata };
}
