import { Agent, request } from 'node:http';

const EVENT = '/api/v1/organizers/big/events/fest/';
const AGAIN_MS = 250;
const GIVE_UP_MS = 120_000;
/** Of ten scans one is of a ticket that another gate scans at the same time. */
const EVERY_TENTH = 10;

/** The final reply to a gate. */
export type Answered = {
  readonly ticket: number;
  readonly list: number;
  readonly nonce: string;
  readonly status: number;
  readonly reason: string | undefined;
};

/** An attempt without a decision: no reply, or one that asks for a retry. */
export type Miss = { readonly at: number; readonly what: string };

export type Scanners = {
  readonly answered: readonly Answered[];
  readonly misses: readonly Miss[];
  /** Number of scans without a final reply. */
  readonly open: () => number;
  /** Creates check-in lists for so many further scans. */
  provide(scans: number): Promise<void>;
  /** Starts no new scans; resolves when all have been answered. */
  finish(): Promise<void>;
};

/** Scans at a steady rate, each ticket of each list once and some at two gates at once; retries with the same nonce. */
export function startScanners(options: { url: string; token: string; tickets: number; perSecond: number }): Scanners {
  const { url, token, tickets, perSecond } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 256 });
  const answered: Answered[] = [];
  const misses: Miss[] = [];
  const lists: number[] = [];
  const open = new Set<Promise<void>>();
  let next = 0;
  let scans = 0;

  function post(target: string, json: object): Promise<{ status: number; body: unknown }> {
    const body = JSON.stringify(json);
    const headers = {
      authorization: `Token ${token}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    return new Promise((resolve, reject) => {
      const sent = request(url + EVENT + target, { method: 'POST', agent, headers, timeout: 15_000 }, (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (part: string) => (text += part));
        reply.on('error', reject);
        reply.on('end', () => resolve({ status: reply.statusCode!, body: JSON.parse(text) }));
      });
      sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
      sent.on('error', reject).end(body);
    });
  }

  async function scan(ticket: number, list: number): Promise<void> {
    const nonce = `scan ${scans++}`;
    for (const until = Date.now() + GIVE_UP_MS; ; await new Promise((again) => setTimeout(again, AGAIN_MS))) {
      try {
        const { status, body } = await post(`checkinlists/${list}/positions/${ticket}/redeem/`, { nonce });
        if (status === 201 || status === 400) {
          const { reason } = body as { reason?: string };
          answered.push({ ticket, list, nonce, status, reason });
          return;
        }
        misses.push({ at: Date.now(), what: String(status) });
      } catch (error) {
        misses.push({ at: Date.now(), what: (error as Error).message });
      }
      if (Date.now() > until) throw new Error(`ticket ${ticket} gets no answer any more: ${misses.at(-1)!.what}`);
    }
  }

  function begin(ticket: number, list: number): void {
    const one = scan(ticket, list);
    open.add(one);
    one.then(
      () => open.delete(one),
      // Kept for `finish`.
      () => undefined,
    );
  }

  const startedMs = performance.now();
  let begun = 0;
  const tick = setInterval(() => {
    const due = Math.floor(((performance.now() - startedMs) / 1_000) * perSecond);
    for (; begun < due; begun++) {
      const list = lists[Math.floor(next / tickets)];
      // Without a list the scan is dropped.
      if (list === undefined) continue;
      const ticket = (next++ % tickets) + 1;
      begin(ticket, list);
      if (next % EVERY_TENTH !== 0) continue;
      begun++;
      begin(ticket, list);
    }
  }, 5);

  return {
    answered,
    misses,
    open: () => open.size,
    async provide(more) {
      while (lists.length * tickets < next + more) {
        const json = { name: `List ${lists.length}`, all_products: true, limit_products: [], include_pending: true };
        const { status, body } = await post('checkinlists/', json);
        if (status === 201) lists.push((body as { id: number }).id);
        // After a restart of PostgreSQL the gateway may need a second until it finds processes ready.
        else if (status === 503) await new Promise((again) => setTimeout(again, AGAIN_MS));
        else throw new Error(`no list was made: ${status}`);
      }
    },
    async finish() {
      clearInterval(tick);
      await Promise.all(open);
      agent.destroy();
    },
  };
}
