import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { esdbEmulator } from '../emulator/esdb-emulator';

/** The server of the contract tests. The emulator speaks the protocol, but proves nothing about durability. */
export type EsdbInTest = { readonly kind: string; readonly url: string; foreign?(): void; stop(): Promise<void> };

/** EVENTSTORE_URL if set, a container if Docker is available, else the protocol emulator. */
export async function esdbInTest(given: string | undefined): Promise<EsdbInTest> {
  if (given) return { kind: 'EVENTSTORE_URL', url: given, stop: () => Promise.resolve() };
  const contained = await inDocker();
  if (typeof contained !== 'string') return contained;
  const emulator = await esdbEmulator();
  return {
    kind: `protocol emulator (no EVENTSTORE_URL; ${contained})`,
    url: emulator.url,
    foreign: () => emulator.foreign(100),
    stop: () => emulator.stop(),
  };
}

/** Returns the reason when there is no container. */
async function inDocker(): Promise<EsdbInTest | string> {
  // The image tag in docker-compose.yml, so that tests and users run the same version.
  const compose = path.join(__dirname, '../../../docker-compose.yml');
  const image =
    existsSync(compose) && /image:\s*["']?(\S*eventstore[\w/.-]*:[\w.-]+)/.exec(readFileSync(compose, 'utf8'));
  if (!image) return 'docker-compose.yml names no image of it';
  const { GenericContainer, Wait, getContainerRuntimeClient } = await import('testcontainers');
  try {
    await getContainerRuntimeClient();
  } catch {
    return 'no Docker';
  }
  try {
    const container = await new GenericContainer(image[1]!)
      .withEnvironment({ EVENTSTORE_INSECURE: 'true', EVENTSTORE_MEM_DB: 'true', EVENTSTORE_RUN_PROJECTIONS: 'None' })
      .withExposedPorts(2113)
      .withWaitStrategy(Wait.forHttp('/health/live', 2113).forStatusCode(204))
      .start();
    const url = `esdb://${container.getHost()}:${container.getMappedPort(2113)}?tls=false`;
    return { kind: `Docker (${image[1]!})`, url, stop: () => container.stop().then(() => undefined) };
  } catch (error) {
    return `Docker does not start ${image[1]!}: ${error instanceof Error ? error.message : String(error)}`;
  }
}
