import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { answerParent } from './child';

/** The pace of a load. Times in milliseconds. */
export type Pace = {
  /** Of the servers that do the same; connections are spread over them evenly. */
  readonly ports: readonly number[];
  readonly connections: number;
  readonly durationMs: number;
  /** Requests per second, at equal intervals, regardless of replies; undefined: as fast as replies come (closed loop). */
  readonly rate?: number;
};

/** Scans. */
export type Load = Pace & {
  readonly token: string;
  /** For the old scanners' API: the key of each list. Without keys the REST API is used. */
  readonly keys?: readonly string[];
  /** A file with one secret per line. */
  readonly secrets: string;
  /** Each (list, ticket) pair is sent once: all tickets of the first list, then those of the next. Starts at pair `from`. */
  readonly lists: readonly number[];
  readonly from: number;
};

/** The same GET, repeated. */
export type Fetches = Pace & { readonly get: string; readonly headers: Readonly<Record<string, string>> };

/** The same POST with a JSON body, repeated. */
export type Posts = Pace & {
  readonly post: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: unknown;
  /** The status of a refusal that ends the run: nothing is sent after the first reply that has it. */
  readonly until?: string;
};

/**
 * The measurements. Latencies in milliseconds; those of an open loop count from when the request was due. Replies with the status `until`
 * are counted in `statuses` but left out of all times.
 */
export type Measured = {
  readonly sent: number;
  /** Number of replies by status, for old scanners also by outcome: `201`, `200 ok`. */
  readonly statuses: Readonly<Record<string, number>>;
  /** The sum over all replies. */
  readonly bodyBytes: number;
  /** From the first request to the last reply. */
  readonly elapsedMs: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
};

/*
 * The load generator: open sockets, one request at a time on each, with prepared bytes. A client library would cost as much
 * CPU as the measured servers.
 */

const HEAD_END = '\r\n\r\n';
const REPLY_BUFFER_BYTES = 65_536;
/** Only the old scanners' API writes such spaces; all its outcomes have the same status. */
const OUTCOME = /(?<="status": ")\w+/;
/** More than any server here answers in one closed loop. */
const MOST_PER_SECOND = 40_000;

class Connection {
  busy = false;
  bodyBytes = 0;
  #socket: Socket | undefined;
  #dueAt = 0;
  #bodyLeft = 0;
  #head = '';
  #status = '';

  constructor(private readonly replied: (connection: Connection, status: string, dueAt: number) => void) {}

  open(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const buffer = Buffer.allocUnsafe(REPLY_BUFFER_BYTES);
      const onread = { buffer, callback: (bytes: number) => this.#read(buffer, bytes) };
      this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread } as never, resolve);
      this.#socket.once('error', reject);
    });
  }

  send(request: Buffer, dueAt: number): void {
    this.busy = true;
    this.#dueAt = dueAt;
    this.#socket!.write(request);
  }

  close(): void {
    this.#socket!.destroy();
  }

  #read(buffer: Buffer, bytes: number): boolean {
    let at = 0;
    if (this.#bodyLeft === 0) {
      this.#head += buffer.toString('latin1', 0, bytes);
      const end = this.#head.indexOf(HEAD_END);
      if (end === -1) return true;
      at = bytes - (this.#head.length - end - HEAD_END.length);
      const [outcome] = OUTCOME.exec(this.#head) ?? [];
      this.#status = this.#head.slice(9, 12) + (outcome === undefined ? '' : ` ${outcome}`);
      const named = this.#head.indexOf('ontent-Length: ');
      const hasBody = !this.#status.startsWith('304');
      if (hasBody && (named === -1 || named > end))
        throw new Error(`a reply without Content-Length: ${this.#head.slice(0, 200)}`);
      this.#bodyLeft = hasBody ? Number.parseInt(this.#head.slice(named + 15, named + 25), 10) : 0;
      this.bodyBytes += this.#bodyLeft;
      this.#head = '';
    }
    this.#bodyLeft -= bytes - at;
    if (this.#bodyLeft > 0) return true;
    this.busy = false;
    this.replied(this, this.#status, this.#dueAt);
    return true;
  }
}

let secretsFile = '';
let secrets: readonly string[] = [];

async function run(load: Load | Fetches | Posts): Promise<Measured> {
  const { most, at: requestAt } = requestsOf(load);
  const until = 'post' in load ? load.until : undefined;
  const latencies: number[] = [];
  const statuses: Record<string, number> = {};
  let sent = 0;
  let replies = 0;
  let ended = false;
  let lastReplyAt = 0;
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let next: (connection: Connection) => void = () => undefined;
  const connections = Array.from(
    { length: load.connections },
    () =>
      new Connection((connection, status, dueAt) => {
        replies++;
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (status === until) {
          ended = true;
        } else {
          lastReplyAt = performance.now();
          latencies.push(lastReplyAt - dueAt);
        }
        next(connection);
      }),
  );
  await Promise.all(connections.map((connection, i) => connection.open(load.ports[i % load.ports.length]!)));
  const startedAt = performance.now();
  const over = () => ended || sent >= most || performance.now() - startedAt >= load.durationMs;

  if (load.rate === undefined) {
    next = (connection) => {
      if (!over()) connection.send(requestAt(sent++), performance.now());
      else if (replies === sent) finish();
    };
    for (const connection of connections) next(connection);
  } else {
    const everyMs = 1000 / load.rate;
    // Least recently used first, as gates alternate.
    const idle = [...connections];
    let due = 0;
    const sendDue = () => {
      while (sent < due && idle.length > 0) idle.shift()!.send(requestAt(sent), startedAt + sent++ * everyMs);
    };
    next = (connection) => {
      idle.push(connection);
      sendDue();
      if (replies === most) finish();
    };
    const tick = () => {
      due = Math.min(most, Math.floor((performance.now() - startedAt) / everyMs) + 1);
      sendDue();
      if (due < most) setTimeout(tick, 1);
    };
    tick();
  }
  await finished;
  for (const connection of connections) connection.close();
  latencies.sort((a, b) => a - b);
  const at = (part: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))] ?? 0;
  return {
    sent,
    statuses,
    bodyBytes: connections.reduce((sum, { bodyBytes }) => sum + bodyBytes, 0),
    elapsedMs: lastReplyAt - startedAt,
    p50: at(0.5),
    p99: at(0.99),
    max: at(1),
  };
}

/** The requests of a load, and how many there are at most. */
function requestsOf(load: Load | Fetches | Posts): { most: number; at(i: number): Buffer } {
  const wanted = Math.ceil((load.durationMs / 1000) * (load.rate ?? MOST_PER_SECOND));
  if (!('get' in load) && !('post' in load)) {
    const scans = scansOf(load, wanted);
    return { most: scans.length, at: (i) => scans[i]! };
  }
  const request = 'get' in load ? fetchOf(load) : postOf(load);
  return { most: wanted, at: () => request };
}

const fetchOf = ({ get, headers }: Fetches): Buffer =>
  Buffer.from(`GET ${get} HTTP/1.1\r\n${head(headers)}\r\n`, 'latin1');

function postOf({ post, headers, json }: Posts): Buffer {
  const body = JSON.stringify(json);
  const own = { ...headers, 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(body)) };
  return Buffer.from(`POST ${post} HTTP/1.1\r\n${head(own)}\r\n${body}`);
}

const head = (headers: Readonly<Record<string, string>>): string =>
  ['Host: 127.0.0.1', ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`)]
    .map((line) => `${line}\r\n`)
    .join('');

/** Requests as the scanner apps send them, each for a ticket and list of its own and with a nonce of its own. */
function scansOf(load: Load, most: number): Buffer[] {
  if (load.secrets !== secretsFile) {
    secrets = readFileSync(load.secrets, 'latin1').trimEnd().split('\n');
    secretsFile = load.secrets;
  }
  const count = Math.min(most, secrets.length * load.lists.length - load.from);
  return Array.from({ length: count }, (_, i) => {
    const pair = load.from + i;
    const at = Math.floor(pair / secrets.length);
    const scan = {
      secret: secrets[pair % secrets.length]!,
      nonce: (pair * 2_654_435_761).toString(36).padEnd(32, 'x'),
    };
    return Buffer.from(load.keys ? oldScan(load.keys[at]!, scan) : restScan(load, load.lists[at]!, scan), 'latin1');
  });
}

type Scan = { readonly secret: string; readonly nonce: string };

function restScan({ token }: Load, list: number, { secret, nonce }: Scan): string {
  const body = `{"force":false,"ignore_unpaid":false,"nonce":"${nonce}","questions_supported":true,"answers":{}}`;
  return (
    `POST /api/v1/organizers/big/events/fest/checkinlists/${list}/positions/${secret}/redeem/ HTTP/1.1\r\n` +
    `Host: 127.0.0.1\r\nAuthorization: Token ${token}\r\nAccept: application/json\r\n` +
    `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

function oldScan(key: string, { secret, nonce }: Scan): string {
  const body = `secret=${secret}&questions_supported=true&nonce=${nonce}`;
  return (
    `POST /pretixdroid/api/big/fest/redeem/?key=${key} HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
    `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${body.length}\r\n\r\n${body}`
  );
}

answerParent(run);
