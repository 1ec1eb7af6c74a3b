import { createServer } from 'node:http';
import { answerParent, optionsOf } from './child';
import { portOf } from './listening';

/* As many bytes as a download has, from a process that does nothing else: what the machine alone makes of such a load. */

const bytes = Buffer.alloc(optionsOf<{ bytes: number }>().bytes);

answerParent(() =>
  portOf(createServer((_req, res) => res.writeHead(200, { 'Content-Length': bytes.length }).end(bytes))),
);
