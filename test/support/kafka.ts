import { readFile, rm, mkdir, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { whyNoKafka } from '@gatehouse/local-kafka/jars';
import { startKafka, stopKafka } from '@gatehouse/local-kafka/start-kafka';

/** One broker for all test files of a run, started by the first that needs it. `KAFKA_BROKERS` names another one. */
export async function testKafka(): Promise<readonly string[]> {
  const given = process.env['KAFKA_BROKERS'];
  if (given) return given.split(',');
  const folder = folderOfRun();
  // Workers call this at the same time: the one that creates the folder starts the broker.
  const lock = `${folder}.starting`;
  for (;;) {
    try {
      await mkdir(lock);
      break;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  try {
    return (await startKafka({ folder, log: printLine })).brokers;
  } finally {
    await rmdir(lock);
  }
}

/** Ends the broker of this run, for jest's global teardown. */
export async function stopTestKafka(): Promise<void> {
  const folder = folderOfRun();
  if ((await readFile(path.join(folder, 'kafka.json')).catch(() => null)) === null) return;
  await stopKafka(folder);
  await rm(folder, { recursive: true, force: true });
  await rm(`${folder}.starting`, { recursive: true, force: true });
}

/** `describe` if a Kafka is available; otherwise the tests are skipped and the reason is printed. On CI they must run. */
export function describeWithKafka(name: string, tests: () => void): void {
  const reason = process.env['KAFKA_BROKERS'] ? null : reasonFromSetup();
  if (reason === null || process.env['CI'] === 'true') {
    describe(name, tests);
    return;
  }
  process.stdout.write(`Skipped: ${name}. ${reason}\n`);
  describe.skip(name, tests);
}

/** Called once, before the workers start, since `describe` cannot wait. */
export async function findKafka(): Promise<void> {
  process.env['GATEHOUSE_TEST_NO_KAFKA'] = (await whyNoKafka()) ?? '';
}

const reasonFromSetup = (): string | null => process.env['GATEHOUSE_TEST_NO_KAFKA'] || null;

const folderOfRun = (): string => path.join(tmpdir(), `${process.env['GATEHOUSE_TEST_RUN']}_kafka`);

const printLine = (sentence: string): void => void process.stdout.write(`${sentence}\n`);
