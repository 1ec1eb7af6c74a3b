import type { Bench } from './parts';
import { bar, figure } from './report';
import { inTurn, median, ratio } from './rounds';

const KINDS = ['raw node:http', 'static', 'default Express'] as const;
const CONNECTIONS = 128;

/** P1: the speed of our HTTP layer compared with plain node, with a static reply on redeem's route. */
export const httpLayer: Bench = async (stage, { rounds, turnMs, tickets }) => {
  const dataset = await stage.dataset(tickets);
  const turns = await inTurn(KINDS, rounds, async (kind) =>
    stage.drive(await stage.peer(kind, dataset), { connections: CONNECTIONS, durationMs: turnMs }),
  );
  const { static: ours, 'raw node:http': raw, 'default Express': usual } = turns;
  return [
    bar({
      bar: 'P1',
      what: "redeem's route with a static reply, of raw node:http",
      measured: ratio(ours, raw, (turn) => turn.perSecond),
      needed: { atLeast: 0.55 },
      unit: '%',
    }),
    bar({
      bar: 'P1',
      what: "redeem's route with a static reply, of default Express 5",
      measured: ratio(ours, usual, (turn) => turn.perSecond),
      needed: { atLeast: 3 },
      unit: '×',
    }),
    ...KINDS.map((kind) =>
      figure(
        `P1: ${kind}`,
        `${Math.round(median(turns[kind].map((turn) => turn.perSecond)))}/s, ` +
          `${Math.round(median(turns[kind].map((turn) => (turn.nodeMs / turn.sent) * 1000)))} CPU-µs each`,
      ),
    ),
  ];
};
