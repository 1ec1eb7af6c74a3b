import { startEmbedded } from '../src/start-embedded';

/** A process that uses the embedded PostgreSQL: says what it got, ends on a line on stdin, and does not mind Ctrl-C. */
async function main([dataFolder = '', takeOver = '']: string[]): Promise<void> {
  const log = (sentence: string) => process.stderr.write(`${sentence}\n`);
  process.on('SIGINT', () => undefined);
  const server = await startEmbedded({ dataFolder, log, takeOver: takeOver === 'service' });
  process.stdout.write(`${JSON.stringify({ url: server.url, adopted: server.adopted })}\n`);
  await new Promise((resolve) => process.stdin.once('data', resolve));
  await server.stop();
  process.exit(0);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
});
