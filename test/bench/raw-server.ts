import { createServer } from 'node:http';
import { answerParent, optionsOf } from './child';
import { portOf } from './listening';

/* The minimum that a JSON POST costs on node: read, parse, answer; no framework, no route, no needless header. */

const { reply } = optionsOf<{ reply: unknown }>();

const server = createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    JSON.parse((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)).toString('utf8'));
    const text = JSON.stringify(reply);
    res.writeHead(201, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) }).end(text);
  });
});

answerParent(() => portOf(server));
