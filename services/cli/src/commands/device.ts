import { createDevice, listDevices, revoke } from '@gatehouse/reference/credentials';
import type { Command } from 'commander';
import { commaSeparated, wholeNumber } from '../arguments';
import { refusing, revoked, scopeOf, table, untilApplied } from '../credential-output';
import type { Run } from '../run-command';

/** `device create|list|revoke`: scanners with a device token (contract §1.2). */
export function deviceCommand(program: Command, run: Run): void {
  const device = program.command('device').description('scanners with a device token');
  device
    .command('create')
    .description('make a device that is set up already; its API token is shown once and stored as a hash only')
    .requiredOption('--organizer <slug>', 'whose events it is for')
    .requiredOption('--name <text>', 'what it is called in lists')
    .option('--events <slugs>', 'comma separated; without it all events of the organizer', commaSeparated)
    .action((options: { organizer: string; name: string; events?: string[] }) =>
      run(async (session) => {
        const { organizer, name, events } = options;
        const { id, secret } = await refusing(createDevice(session.reference, { organizer, name, ...scopeOf(events) }));
        process.stderr.write(`Device ${id} of ${organizer}; its API token is not shown again:\n`);
        process.stdout.write(`${secret}\n`);
        await untilApplied(session);
      }),
    );
  device
    .command('list')
    .description('all devices, without their tokens')
    .action(() =>
      run(async ({ reference }) => {
        const devices = (await listDevices(reference)).map(({ fact }) => fact);
        devices.sort((a, b) =>
          a.organizer < b.organizer ? -1 : a.organizer > b.organizer ? 1 : a.device_id - b.device_id,
        );
        process.stdout.write(
          table(
            ['organizer', 'id', 'name', 'state', 'events'],
            devices.map((fact) => [
              fact.organizer,
              String(fact.device_id),
              fact.name,
              fact.revoked ? 'revoked' : fact.initialized ? 'active' : 'not set up',
              fact.all_events ? 'all' : fact.limit_events.join(','),
            ]),
          ),
        );
      }),
    );
  device
    .command('revoke')
    .description('end a device at once, for good; a current app wipes itself when it hears of it')
    .argument('<organizer>', 'its organizer')
    .argument('<id>', 'as "device list" shows it', wholeNumber)
    .action((organizer: string, id: number) =>
      run(async (session) => {
        revoked(
          `device ${id} of ${organizer}`,
          await revoke(session.reference, 'DeviceStated', `device-${organizer}/${id}`),
        );
        await untilApplied(session);
      }),
    );
}
