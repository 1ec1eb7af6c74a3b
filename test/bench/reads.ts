import { ticketFinder } from '@gatehouse/admission/tickets/find';
import type { TicketFilter } from '@gatehouse/admission/tickets/query';
import { findList, type ListRow } from '@gatehouse/admission/lists';
import type { Pool } from 'pg';
import { memoryOf } from './cpu';
import type { Dataset } from './dataset';
import type { Bench } from './parts';
import { bar, figure, type Finding } from './report';
import { median } from './rounds';
import type { Stage } from './stage';

/** Pages, counts, searches, import and memory, with few and with many tickets. */
export const reads: Bench = async (stage, { rounds, sizes }) => {
  const findings: Finding[] = [];
  const statusCost: number[] = [];
  for (const size of sizes) {
    const dataset = await stage.dataset(size);
    findings.push(...importOf(dataset));
    const list = await dataset.newList();
    const status = await repeated(stage, dataset, 5 * rounds, () => `checkinlists/${list}/status/`);
    statusCost.push(cpuOf(status));
    findings.push(figure(`status/ with ${size} tickets`, said(status)));
    findings.push(...(await pages(stage, dataset, rounds)));
    findings.push(...(await searches(stage, dataset, rounds)));
    findings.push(await memory(dataset, list));
  }
  if (sizes.length > 1) {
    findings.push(
      bar({
        bar: 'status/',
        what: `CPU with ${sizes.at(-1)} tickets, of that with ${sizes[0]} ("costs the same")`,
        measured: statusCost.at(-1)! / statusCost[0]!,
        needed: { atMost: 1.2 },
        unit: '×',
      }),
    );
  }
  return findings;
};

function importOf({ positions, facts }: Dataset): Finding[] {
  const rate = (ms: number) => `${Math.round((positions / ms) * 1000)} positions/s`;
  return [
    figure(
      `import of ${positions} positions`,
      `${rate(facts.importMs)} (${(facts.importMs / 1000).toFixed(1)} s), in the service's read models after ` +
        `${(facts.visibleMs / 1000).toFixed(1)} s (${rate(facts.visibleMs)}); at most ${facts.importPeakMb} MB`,
    ),
    figure(
      `memory of the service, ${positions} tickets`,
      `${facts.serviceRssAtStartMb} MB at its start, ${facts.serviceRssAfterImportMb} MB after the import`,
    ),
  ];
}

type Cost = { readonly ms: number; readonly nodeMs: number; readonly postgresMs: number };

/** CPU time depends less on the machine's load than elapsed time. */
const cpuOf = ({ nodeMs, postgresMs }: Cost): number => nodeMs + postgresMs;

const said = ({ ms, nodeMs, postgresMs }: Cost) =>
  `${ms.toFixed(1)} ms, CPU-ms: node ${nodeMs.toFixed(1)}, PostgreSQL ${postgresMs.toFixed(1)}`;

/** Requests one by one, with two for warming up; medians of the time, means of the CPU. */
async function repeated(
  stage: Stage,
  dataset: Dataset,
  rounds: number,
  target: (round: number) => string,
): Promise<Cost> {
  const times: number[] = [];
  let before = stage.cpu(dataset);
  for (let round = -2; round < rounds; round++) {
    const asked = target(round + 2);
    if (round === 0) before = stage.cpu(dataset);
    const startedAt = performance.now();
    const { status, text } = await dataset.get(asked);
    if (status !== 200) throw new Error(`${asked} was answered with ${status}: ${text.slice(0, 200)}`);
    if (round >= 0) times.push(performance.now() - startedAt);
  }
  const after = stage.cpu(dataset);
  return {
    ms: median(times),
    nodeMs: (after.nodeMs - before.nodeMs) / rounds,
    postgresMs: (after.postgresMs - before.postgresMs) / rounds,
  };
}

/** Page 1 and a deep page, without and with cached cursors. */
async function pages(stage: Stage, dataset: Dataset, rounds: number): Promise<Finding[]> {
  const { positions } = dataset;
  const deep = Math.min(1_000, Math.floor(positions / 50));
  const list = await dataset.newList();
  const first = await repeated(stage, dataset, rounds, () => `checkinlists/${list}/positions/`);
  // Pages of lists without cached cursors. The lists are created before, so that the cost of a new list is not included.
  const lists: number[] = [];
  while (lists.length < rounds + 2) lists.push(await dataset.newList());
  await dataset.settled();
  const cold = await repeated(
    stage,
    dataset,
    rounds,
    (round) => `checkinlists/${lists[round]}/positions/?page=${deep}`,
  );
  await dataset.get(`checkinlists/${list}/positions/?page=${deep - 1}`);
  const next = await repeated(stage, dataset, rounds, () => `checkinlists/${list}/positions/?page=${deep}`);
  return [
    bar({
      bar: 'pages',
      what: `CPU of page ${deep} of ${positions} tickets after the page before it, of page 1`,
      measured: cpuOf(next) / cpuOf(first),
      needed: { atMost: 3 },
      unit: '×',
    }),
    bar({
      bar: 'pages',
      what: `CPU of page ${deep} of ${positions} tickets when nobody has turned a page of the list, of page 1`,
      measured: cpuOf(cold) / cpuOf(first),
      needed: { atMost: 3 },
      unit: '×',
    }),
    figure(`page 1 of ${positions} tickets`, said(first)),
    figure(`page ${deep} of ${positions} tickets, first asked for`, said(cold)),
    figure(`page ${deep} of ${positions} tickets, after page ${deep - 1}`, said(next)),
  ];
}

/** Typical searches, and whether an index serves them. */
async function searches(stage: Stage, dataset: Dataset, rounds: number): Promise<Finding[]> {
  const { positions, pool } = dataset;
  const id = await dataset.newList();
  const list = (await findList(pool, 'big/fest', id))!;
  const { rows } = await pool.query<{ secret: string }>(
    'select secret from tickets where not canceled order by id limit 50 offset $1',
    [Math.floor(positions / 3)],
  );
  const some = (round: number) => Math.floor(positions * (0.3 + round / 200));
  const secretOf = (round: number) => rows[round % rows.length]!.secret;
  const kinds: readonly { name: string; parameter: string; field: keyof TicketFilter; of(round: number): string }[] = [
    { name: 'a name', parameter: 'search', field: 'search', of: (round) => `Øystein Sample ${some(round)}` },
    { name: 'a mail', parameter: 'search', field: 'search', of: (round) => `guest${some(round)}@example` },
    {
      name: 'the start of a secret',
      parameter: 'search',
      field: 'search',
      of: (round) => secretOf(round).slice(0, 12),
    },
    {
      name: 'a name',
      parameter: 'attendee_name',
      field: 'attendeeName',
      of: (round) => `Øystein Sample ${some(round)}`,
    },
    { name: 'a secret', parameter: 'secret', field: 'secret', of: secretOf },
  ];
  const findings: Finding[] = [];
  let slow = 0;
  for (const { name, parameter, field, of } of kinds) {
    const cost = await repeated(
      stage,
      dataset,
      rounds,
      (round) => `checkinlists/${id}/positions/?${parameter}=${encodeURIComponent(of(round))}`,
    );
    const { indexes, rows: looked } = await readingOf(dataset, list, { [field]: of(0) });
    // Reading an index from end to end, and the rows to which it leads, is no better than reading the table.
    if (looked > positions / 10) slow++;
    findings.push(
      figure(
        `?${parameter}= for ${name} among ${positions} tickets`,
        `${said(cost)}; ${looked} rows looked at, by ${indexes.join(', ') || 'no index'}`,
      ),
    );
  }
  findings.push(
    bar({
      bar: 'search',
      what: `kinds of search that look at more than a tenth of ${positions} tickets`,
      measured: slow,
      needed: { atMost: 0 },
      unit: '',
    }),
  );
  return findings;
}

/** The indexes of `tickets` that a search uses, and the rows that it reads, including discarded ones. */
type Reading = { readonly indexes: readonly string[]; readonly rows: number };

/** Runs the service's own statements with EXPLAIN. */
async function readingOf(dataset: Dataset, list: ListRow, where: TicketFilter): Promise<Reading> {
  const asked: { text: string; values: unknown[] }[] = [];
  const pool = {
    query(text: string, values: unknown[]) {
      asked.push({ text, values });
      return dataset.pool.query(text, values);
    },
  };
  const finder = ticketFinder(pool as unknown as Pool);
  const query = { list, allDates: false, ignoreStatus: false, where, ordering: [] };
  await finder.count(query);
  await finder.page(query, { offset: 0, limit: 50 });
  const indexes = new Set<string>();
  let most = 0;
  for (const { text, values } of asked) {
    const { rows } = await dataset.pool.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `explain (analyze, format json) ${text}`,
      values,
    );
    for (const node of nodesOf(rows[0]!['QUERY PLAN'][0].Plan)) {
      if (node['Index Name']?.startsWith('tickets_by')) indexes.add(node['Index Name']);
      if (node['Relation Name'] !== 'tickets') continue;
      const { 'Rows Removed by Filter': filtered = 0, 'Rows Removed by Index Recheck': rechecked = 0 } = node;
      most = Math.max(most, (node['Actual Rows'] + filtered + rechecked) * node['Actual Loops']);
    }
  }
  return { indexes: [...indexes].sort(), rows: Math.round(most) };
}

type PlanNode = {
  readonly 'Index Name'?: string;
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
};

const nodesOf = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(nodesOf)];

/** Requests two hundred pages. */
async function memory(dataset: Dataset, list: number): Promise<Finding> {
  const before = memoryOf(dataset.server.pid).nowMb;
  const last = Math.min(200, Math.floor(dataset.positions / 50));
  for (let page = 1; page <= last; page++) await dataset.get(`checkinlists/${list}/positions/?page=${page}`);
  return figure(
    `memory of the service after ${last} pages of ${dataset.positions} tickets`,
    `${memoryOf(dataset.server.pid).nowMb} MB (${before} MB before)`,
  );
}
