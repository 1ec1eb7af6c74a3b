import { findKafka } from './kafka';
import { startTestServer, type TestServer } from './test-server';

declare global {
  var gatehouseTestServer: TestServer | undefined;
}

/** Once per jest run, before the workers start: they inherit the environment. */
export default async function globalSetup(): Promise<void> {
  const server = await startTestServer();
  globalThis.gatehouseTestServer = server;
  process.env['GATEHOUSE_TEST_SERVER'] = server.url;
  process.env['GATEHOUSE_TEST_RUN'] = `gatehouse_test_${process.pid}_${Date.now().toString(36)}`;
  await findKafka();
  process.stdout.write(`PostgreSQL of the tests: ${server.kind}\n`);
}
