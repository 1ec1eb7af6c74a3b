import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';

/** The release of Apache Kafka that is started locally. */
export const KAFKA_VERSION = '4.1.1';

const PACKAGE = path.join(__dirname, '..');
/** Pinned, so that a download does not depend on the installed Maven's defaults. */
const COPY = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies';

/** Why no broker can be started here, as a sentence that says what to install; null when it can. */
export async function whyNoKafka(cacheFolder = defaultCache()): Promise<string | null> {
  const java = await javaVersion();
  if (java === null) return 'Apache Kafka needs Java 17 or later, and there is no `java`: install a JDK or JRE.';
  if (java < 17) return `Apache Kafka needs Java 17 or later, and \`java\` is version ${java}.`;
  if ((await missing(cacheFolder)).length === 0 || (await outputOf('mvn', ['-v'])) !== null) return null;
  return 'The first start fetches Apache Kafka with Maven, and there is no `mvn`: install Maven 3.6 or later.';
}

/** Shared by all projects of this user. */
export const defaultCache = (): string => path.join(homedir(), '.cache', 'gatehouse', `kafka-${KAFKA_VERSION}`);

/**
 * The folder with Kafka's jars, downloaded with Maven if they are not in the cache, and each compared with its pinned
 * SHA-256. Throws an Error whose message is a sentence.
 */
export async function kafkaJars(log: (sentence: string) => void, cacheFolder = defaultCache()): Promise<string> {
  const reason = await whyNoKafka(cacheFolder);
  if (reason !== null) throw new Error(reason);
  const absent = await missing(cacheFolder);
  if (absent.length === 0) return cacheFolder;
  const unfinished = `${cacheFolder}.new-${process.pid}`;
  await mkdir(path.dirname(cacheFolder), { recursive: true });
  try {
    await fetchInto(unfinished, log);
    const wrong = await missing(unfinished);
    if (wrong.length > 0) {
      throw new Error(
        `Maven brought other files than the pinned ones of Apache Kafka ${KAFKA_VERSION}: ${wrong.join(', ')}.`,
      );
    }
    await rm(cacheFolder, { recursive: true, force: true });
    await rename(unfinished, cacheFolder).catch(async (cause: unknown) => {
      // Another process was faster, with the same files.
      if ((await missing(cacheFolder)).length > 0) throw cause;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  log(`Apache Kafka ${KAFKA_VERSION} is in ${cacheFolder}.`);
  return cacheFolder;
}

/** Names of the jars that are missing or differ from their pinned hash. */
async function missing(folder: string): Promise<string[]> {
  const list = await readFile(path.join(PACKAGE, `kafka-${KAFKA_VERSION}.sha256`), 'utf8');
  const present = new Set(await readdir(folder).catch(() => []));
  const wrong: string[] = [];
  for (const [, hash, name] of list.matchAll(/^([0-9a-f]{64}) {2}(\S+)$/gm)) {
    if (!present.has(name!) || (await sha256(path.join(folder, name!))) !== hash) wrong.push(name!);
  }
  return wrong;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Maven prints each downloaded file, from which the progress is counted. */
async function fetchInto(folder: string, log: (sentence: string) => void): Promise<void> {
  log(`Fetching Apache Kafka ${KAFKA_VERSION} (46 jars, 43 MB) with Maven; the next start finds it in the cache.`);
  const args = [
    '-B',
    '-f',
    path.join(PACKAGE, 'pom.xml'),
    COPY,
    `-DoutputDirectory=${folder}`,
    '-DincludeScope=runtime',
  ];
  const child = spawn('mvn', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let jars = 0;
  const onOutput = (chunk: Buffer) => {
    const text = chunk.toString('utf8');
    output = (output + text).slice(-20_000);
    const before = Math.floor(jars / 10);
    jars += text.match(/Downloaded from [^\n]*\.jar/g)?.length ?? 0;
    if (Math.floor(jars / 10) > before) log(`Maven: ${jars} jars fetched.`);
  };
  child.stdout.on('data', onOutput);
  child.stderr.on('data', onOutput);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  if (code === 0) return;
  const words = output.split('\n').filter((line) => line.includes('[ERROR]'));
  throw new Error(
    `Maven could not fetch Apache Kafka: ${words[0]?.replace(/^.*\[ERROR\]\s*/, '') ?? `it ended with ${code}`}`,
  );
}

async function javaVersion(): Promise<number | null> {
  const said = await outputOf('java', ['-version']);
  const [, major, minor] = /version "(\d+)(?:\.(\d+))?/.exec(said ?? '') ?? [];
  if (major === undefined) return null;
  // Java 8 calls itself 1.8.
  return Number(major === '1' ? minor : major);
}

/** A program's output; null when it is not installed or fails. */
function outputOf(program: string, args: readonly string[]): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString('utf8')));
    child.on('error', () => resolve(null));
    child.on('close', (code) => resolve(code === 0 ? said : null));
  });
}
