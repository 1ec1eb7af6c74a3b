import { EVENT_URL } from './dataset';
import type { Bench } from './parts';
import { bar, figure } from './report';
import { inTurn, median, ratio } from './rounds';
import type { Stage, Target } from './stage';

const MOST_TICKETS = 60_000;
const POSITIONS = 'checkinlists/1/positions/';

/** The reads of people when the gates open. */
const readsOf = (tickets: number): Readonly<Record<string, string>> => ({
  'a page': POSITIONS,
  'the page in the middle': `${POSITIONS}?page=${Math.floor(tickets / 100)}`,
  'one position': `${POSITIONS}${tickets / 2}/`,
  'a search': `${POSITIONS}?search=sample%20${tickets / 2}`,
  'a name': `${POSITIONS}?attendee_name=%C3%98ystein%20Sample%20${tickets / 2}`,
  'who has not entered': `${POSITIONS}?has_checkin=false`,
  'who entered last': `${POSITIONS}?ordering=-last_checked_in`,
  'status/': 'checkinlists/1/status/',
});

/**
 * P10: speed does not depend on PostgreSQL's statistics. A festival is imported into a running, empty system, and the gates
 * open at once; compared with the same after VACUUM ANALYZE, the state that autovacuum would reach some minutes later.
 * Database, process and import are new each time, and autovacuum is off.
 */
export const freshImport: Bench = async (stage, plan) => {
  const { rounds, turnMs } = plan;
  const tickets = Math.min(MOST_TICKETS, plan.tickets);
  await stage.autovacuum(false);
  try {
    const turns = await inTurn(['as imported', 'analysed'], Math.ceil(rounds / 2), async (state) => {
      const target = await stage.fresh(tickets, state);
      try {
        return await openGates(stage, target, turnMs);
      } finally {
        await target.dataset.close();
      }
    });
    const kinds = ['scans', 'reservations', ...Object.keys(readsOf(tickets))];
    return kinds.flatMap((kind) => [
      bar({
        bar: 'P10',
        what: `${kind}: per second right after an import, of the rate after VACUUM ANALYZE`,
        measured: ratio(turns['as imported'], turns.analysed, (turn) => turn.get(kind)!),
        needed: { atLeast: 0.8 },
        unit: '%',
      }),
      figure(
        kind,
        (['as imported', 'analysed'] as const)
          .map((state) => `${state} ${Math.round(median(turns[state].map((turn) => turn.get(kind)!)))}/s`)
          .join(', '),
      ),
    ]);
  } finally {
    await stage.autovacuum(true);
  }
};

/** Rates per second: scans first, then reservations, then each kind of read. */
async function openGates(stage: Stage, target: Target, turnMs: number): Promise<Map<string, number>> {
  const scans = await stage.drive(target, { connections: 128, durationMs: turnMs });
  const perSecond = new Map([['scans', scans.perSecond]]);
  const headers = { Authorization: `Token ${target.dataset.token}` };
  const post = { post: `${EVENT_URL}cartpositions/`, headers, json: { item: 1, price: '149.00', answers: [] } };
  const reserved = await stage.post([target.server], post, { connections: 128, durationMs: turnMs });
  if (reserved.statuses['201'] !== reserved.sent) throw new Error(`reservations: ${JSON.stringify(reserved.statuses)}`);
  perSecond.set('reservations', (reserved.sent / reserved.elapsedMs) * 1000);
  for (const [kind, path] of Object.entries(readsOf(target.dataset.positions))) {
    const get = `${EVENT_URL}${path}`;
    const { sent, elapsedMs, statuses } = await stage.fetch(
      target.server,
      { get, headers },
      { connections: 4, durationMs: turnMs / 2 },
    );
    if (statuses['200'] !== sent) throw new Error(`${kind}: ${JSON.stringify(statuses)}`);
    perSecond.set(kind, (sent / elapsedMs) * 1000);
  }
  return perSecond;
}
