import { createServer } from 'node:http';
import { answerParent, optionsOf } from './child';
import { portOf } from './listening';

/*
 * Sends as many bytes as a download has, from a process that does nothing else: shows how much of the effect is the
 * machine's.
 */

const bytes = Buffer.alloc(optionsOf<{ bytes: number }>().bytes);

answerParent(() =>
  portOf(createServer((_req, res) => res.writeHead(200, { 'Content-Length': bytes.length }).end(bytes))),
);
