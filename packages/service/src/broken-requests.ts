import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PLAIN_HEADERS, writeReply, type Reply } from './reply';

/*
 * Requests that no handler sees, because node's parser refuses them or they do not arrive completely. Node's default reply
 * has no body; scanners parse every 400 as a result, so this reply has JSON with a `detail` (contract, decisions).
 */

/** How long a connection stays open so that the client can read the reply. */
const LINGER_MS = 2_000;

const BODY = 'How long the body is cannot be told from Content-Length and Transfer-Encoding.';
const HEADER = 'A header of the request cannot be read.';
const LINE = 'The first line of the request is not METHOD URL HTTP/1.1; a blank in a URL must be percent-encoded.';

/** By node's code; anything else is 400 `UNREADABLE`. */
const WRONG: Readonly<Record<string, readonly [status: number, detail: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'The URL and the headers of the request are too long.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'The chunks of the body are too large.'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
  HPE_INVALID_URL: [400, 'The URL of the request has a character that must be percent-encoded.'],
  HPE_INVALID_METHOD: [400, 'The method of the request is unknown.'],
  HPE_INVALID_CONSTANT: [400, LINE],
  HPE_INVALID_VERSION: [400, LINE],
  HPE_INVALID_HEADER_TOKEN: [400, HEADER],
  HPE_UNEXPECTED_SPACE: [400, HEADER],
  HPE_INVALID_CONTENT_LENGTH: [400, BODY],
  HPE_UNEXPECTED_CONTENT_LENGTH: [400, BODY],
  HPE_INVALID_TRANSFER_ENCODING: [400, BODY],
  HPE_INVALID_CHUNK_SIZE: [400, 'The chunks of the body cannot be read.'],
};
const UNREADABLE = [400, 'The request is no HTTP that can be read.'] as const;

/** Answers requests that the parser refuses with 400, 408, 413 or 431 and a `detail`. Then the connection ends. */
export function answerBrokenRequests(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const [status, detail] = WRONG[error.code ?? ''] ?? UNREADABLE;
    if (socket.writable) refuse(socket, { status, body: { detail }, headers: { Connection: 'close' } });
    // Further bytes of the refused request raise the error again; it has been answered.
    else if (!socket.writableEnded) socket.destroy();
  });
  server.on('checkExpectation', (_req: IncomingMessage, res: ServerResponse) => {
    writeReply(res, { status: 417, body: { detail: 'The header Expect of the request is unknown.' } }, PLAIN_HEADERS);
  });
}

/** With `requireHostHeader` node would itself refuse an HTTP/1.1 request without Host, without a body. */
export const lacksHost = (req: IncomingMessage): boolean => req.headers.host === undefined && req.httpVersion === '1.1';

export const WITHOUT_HOST: Reply = { status: 400, body: { detail: 'The request has no header Host.' } };

/** The request and reply that a connection is processing; node's own handler uses the same private fields. */
type Busy = Socket & {
  /** The reply that is due next. */
  readonly _httpMessage?: ServerResponse | null;
  /** The request that is being read, or was read last. */
  readonly parser?: { readonly incoming?: IncomingMessage | null } | null;
};

/** Answers after the earlier requests of the connection, and never twice. */
function refuse(socket: Busy, reply: Reply): void {
  const due = socket._httpMessage;
  const unread = socket.parser?.incoming?.complete === false ? socket.parser.incoming : undefined;
  if (due && due.req !== unread) {
    due.once('close', () => socket.writable && refuse(socket, reply));
  } else if (due) {
    // No more of the request will be read, so the reply must not wait for it.
    due.req.complete = true;
    due.once('close', () => end(socket));
    writeReply(due, reply, PLAIN_HEADERS);
  } else if (unread) {
    end(socket);
  } else {
    finish(socket, reply);
  }
}

function finish(socket: Socket, { status, body, headers }: Reply): void {
  const content = JSON.stringify(body);
  const own = Object.entries({
    ...headers,
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(content),
  });
  const lines = own.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.write(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines}\r\n${content}`);
  end(socket);
}

function end(socket: Socket): void {
  socket.end();
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
