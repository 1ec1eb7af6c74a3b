import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { RequestHandler } from 'express';
import { PLAIN_HEADERS, writeReply, type Reply } from './reply';

const PROJECT = resolve(__dirname, '../../..');
const PUBLISHED = join(PROJECT, 'packages/events/published');

/**
 * `/docs/events`: the AsyncAPI document of this release's events; `/docs/events/PositionRedeemed.v1.json` and so on: the
 * JSON Schemas to which events refer as `dataschema`. Open to anyone: they contain nothing of an installation.
 */
export function eventDocs(): RequestHandler {
  const document: Reply = {
    status: 200,
    raw: readFileSync(join(PROJECT, 'asyncapi.yaml')),
    headers: { 'Content-Type': 'application/yaml' },
  };
  const replies = new Map<string, Reply>([
    ['/docs/events', document],
    ['/docs/events/', document],
  ]);
  for (const file of readdirSync(PUBLISHED)) {
    const schema = { 'Content-Type': 'application/schema+json' };
    replies.set(`/docs/events/${file}`, { status: 200, raw: readFileSync(join(PUBLISHED, file)), headers: schema });
  }
  return (req, res, next) => {
    const reply = req.method === 'GET' || req.method === 'HEAD' ? replies.get(req.path) : undefined;
    if (reply) writeReply(res, reply, PLAIN_HEADERS);
    else next();
  };
}
