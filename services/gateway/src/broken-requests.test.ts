import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { createLog } from '@gatehouse/service/log';
import { gateway } from './gateway';

/* Scanners parse every 400 as a result, so the gateway, too, replies with JSON to a request that its parser refuses. */

test.each([
  ['letters beyond ASCII', 'GET /api/v1/?search=Zürich HTTP/1.1\r\nHost: x\r\n\r\n', 400],
  ['a head that is too long', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
  ['no Host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
])('%s: a reply in JSON', async (_what, sent, status) => {
  const made = gateway({ checkin: [], legacyDroid: [] }, { log: createLog('silent') });
  made.server.listen(0, '127.0.0.1');
  await once(made.server, 'listening');
  const socket = connect((made.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(sent);
  const [head, body] = (await text(socket)).split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(JSON.parse(body!)).toEqual({ detail: expect.any(String) as unknown });
  made.close();
  made.server.close();
});
