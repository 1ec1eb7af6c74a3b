import { urlOf } from '@gatehouse/service/address';
import { readConfig } from '@gatehouse/service/config';
import { exitCodeOf, onStop } from '@gatehouse/service/stop-signals';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { ApiAccess } from '../api-client';
import { wholeNumber } from '../arguments';
import { batchClient, newPdf, type EventPath } from '../batch-tickets';
import { number } from '../progress-line';
import { Refused, type Run } from '../run-command';
import { batchJobCommands } from './batch-jobs';

/**
 * `batch`: `create` and `render` make offline tickets and their PDF. They need a running Gatehouse, not its database. Exit code 0
 * when the file is there, 1 when nothing was made, 2 when the tickets exist and the file does not.
 */
export function batchCommands(program: Command, run: Run): void {
  const batch = program.command('batch').description('tickets that are printed and sold elsewhere');
  batchJobCommands(batch, run);

  const create = batch
    .command('create')
    .description('make tickets, and a PDF of them')
    .requiredOption('--event <organizer/event>', 'what they are for', eventPath)
    .requiredOption('--item <id>', 'the product', wholeNumber)
    .requiredOption('--layout <id>', 'how they look: a ticket layout of the event', wholeNumber)
    .requiredOption('--amount <n>', 'how many, at most 10000', wholeNumber)
    .requiredOption('--pdf <file>', 'where the PDF goes; it must not exist')
    .option('--variation <id>', 'of a product that has variations', wholeNumber)
    .option('--date <id>', 'of an event series', wholeNumber)
    .option('--channel <name>', 'the sales channel; without it "web"')
    .option('--testmode', 'tickets for testing')
    .option('--comment <text>', 'for the organizer only');
  reached(create).action((asked: Create) => untilStopped((signal) => createBatch(asked, signal)));

  const render = batch
    .command('render')
    .description('make the PDF of a batch again')
    .argument('<id>', 'the batch', wholeNumber)
    .requiredOption('--event <organizer/event>', 'what it is for', eventPath)
    .requiredOption('--pdf <file>', 'where the PDF goes; it must not exist');
  reached(render).action((id: number, asked: Asked) => untilStopped((signal) => renderBatch(id, asked, signal)));
}

type Asked = { readonly event: EventPath; readonly pdf: string; readonly url?: string; readonly token?: string };
type Create = Asked & {
  readonly item: number;
  readonly layout: number;
  readonly amount: number;
  readonly variation?: number;
  readonly date?: number;
  readonly channel?: string;
  readonly testmode?: boolean;
  readonly comment?: string;
};

/** With the options that say which Gatehouse is asked, and as whom. */
const reached = (command: Command): Command =>
  command
    .addOption(
      new Option('--url <url>', 'where Gatehouse answers; without it on this machine, at PORT')
        .env('GATEHOUSE_URL')
        .argParser(webUrl),
    )
    .addOption(
      new Option('--token <token>', 'an API token; others on this machine see options, so better as a variable')
        .env('GATEHOUSE_TOKEN')
        .argParser(credential),
    );

/** Runs work that a signal to the process ends; what it has begun at the server goes on there. */
async function untilStopped(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stop = new AbortController();
  let code = 0;
  onStop((signal) => {
    code = exitCodeOf(signal);
    stop.abort();
  });
  try {
    await work(stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    process.stderr.write('Stopped. What was requested is made nevertheless.\n');
  }
  if (stop.signal.aborted) process.exitCode = code;
}

async function createBatch(asked: Create, signal: AbortSignal): Promise<void> {
  const { event, pdf, item, variation, date, layout, amount, channel, testmode, comment } = asked;
  const client = batchClient({ ...accessOf(asked), signal });
  const file = await newPdf(pdf);
  try {
    const fields = { item, variation, subevent: date, layout, amount, sales_channel: channel, testmode, comment };
    const made = await client.create(event, fields);
    process.stdout.write(`Batch ${made.id}: ${tickets(made.amount)}, valid from now on.\n`);
    try {
      await client.draw(event, made.id, file);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const again = `batch render ${made.id} --event ${event.organizer}/${event.event} --pdf FILE`;
      process.stderr.write(`${error.message}\nThe tickets exist, their PDF does not: "${again}" makes it.\n`);
      process.exitCode = 2;
      return;
    }
    process.stdout.write(`Their PDF is ${pdf}.\n`);
  } finally {
    await file.close();
  }
}

async function renderBatch(id: number, asked: Asked, signal: AbortSignal): Promise<void> {
  const client = batchClient({ ...accessOf(asked), signal });
  const file = await newPdf(asked.pdf);
  try {
    await client.draw(asked.event, id, file);
    process.stdout.write(`The PDF of batch ${id} is ${asked.pdf}.\n`);
  } finally {
    await file.close();
  }
}

const tickets = (amount: number): string => (amount === 1 ? 'one ticket' : `${number(amount)} tickets`);

function accessOf({ url, token }: Pick<Asked, 'url' | 'token'>): Omit<ApiAccess, 'signal'> {
  if (token === undefined) {
    throw new Refused(
      'An API token is missing: --token, or GATEHOUSE_TOKEN in the environment. "token create" makes one.',
    );
  }
  if (url !== undefined) return { url, token };
  const { host, port } = readConfig();
  return { url: urlOf(host, port), token };
}

function eventPath(text: string): EventPath {
  const [organizer, event, ...more] = text.split('/');
  if (!organizer || !event || more.length > 0) {
    throw new InvalidArgumentError('It is an organizer and an event, as in demo/summer-nights.');
  }
  return { organizer, event };
}

function webUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:\/\/[^/@]+(\/[^?#]*)?$/.test(text)) {
    throw new InvalidArgumentError('It is an http or https URL, as in http://127.0.0.1:8080.');
  }
  return text;
}

function credential(text: string): string {
  if (!/^[!-~]+$/.test(text)) throw new InvalidArgumentError('It has letters and digits only.');
  return text;
}
