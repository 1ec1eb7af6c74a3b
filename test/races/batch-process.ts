import { cart } from '@gatehouse/cart/service';
import { openDatabase } from '@gatehouse/embedded-postgres/database';
import { offlineSales } from '@gatehouse/offline-sales/service';
import { reference } from '@gatehouse/reference-service/service';
import { say } from '@gatehouse/service/run-main';
import { serve } from '@gatehouse/service/serve';
import { Client } from 'pg';

/*
 * The services that work on batches in one process that is killed, as by `kill -9`, at a step of a batch. A step is a statement that
 * writes something of it: an append, a claim, a checkpoint of its two subscribers. The message says at which of them.
 */

/** At the `step`th statement from now on: before it is sent, or when it was sent and its reply has not been read. */
export type KillAt = { readonly step: number; readonly when: 'before' | 'sent' };

const WRITES = new Set(['append_events', 'take_positions', 'claim_codes']);
const SUBSCRIBERS: unknown[] = ['places', 'tickets'];

let kill: KillAt | undefined;
let steps = 0;
process.on('message', (message: KillAt) => {
  kill = message;
  steps = 0;
});

const die = () => process.kill(process.pid, 'SIGKILL');
/** For the statement to leave, on a connection to the same machine. */
const SENT_MS = 2;

function isStep(query: unknown): boolean {
  const { name, values } = (query ?? {}) as { name?: string; values?: unknown[] };
  if (name === 'move_checkpoint' || name === 'move_partition') return SUBSCRIBERS.includes(values?.[0]);
  return name !== undefined && WRITES.has(name);
}

const send = Reflect.get(Client.prototype, 'query') as (...args: unknown[]) => unknown;
Reflect.set(Client.prototype, 'query', function (this: Client, ...args: unknown[]): unknown {
  if (kill && isStep(args[0]) && ++steps === kill.step) {
    if (kill.when === 'before') die();
    else setTimeout(die, SENT_MS);
  }
  return send.apply(this, args);
});

serve({
  services: [cart, offlineSales, reference],
  openDatabase: (config) => openDatabase(config, { log: say }),
});
