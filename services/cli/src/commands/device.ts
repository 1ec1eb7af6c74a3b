import type { DeviceFact } from '@gatehouse/events/reference';
import { createDevice, deviceSetUp, listDevices, revoke } from '@gatehouse/reference/credentials';
import { DEVICE_PROFILES, type DeviceProfile } from '@gatehouse/service/device-profiles';
import { Option, type Command } from 'commander';
import { commaSeparated, wholeNumber } from '../arguments';
import { refusing, revoked, scopeOf, table, untilApplied } from '../credential-output';
import { addressForPhones } from '../address-for-phones';
import type { Run } from '../run-command';
import type { Session } from '../session';
import { requireFolders, showSetUp, withCodeOptions, type CodeOptions } from '../set-up-code';

type CreateOptions = CodeOptions & { organizer: string; name: string; profile: DeviceProfile; events?: string[] };

/** `device create|list|revoke`: scanners, which set themselves up with a QR code (contract §1.2). */
export function deviceCommand(program: Command, run: Run): void {
  const device = program.command('device').description('scanners, phones with an app');
  withCodeOptions(device.command('create'))
    .description('make a device and show the QR code with which an app sets itself up, once')
    .requiredOption('--organizer <slug>', 'whose events it is for')
    .requiredOption('--name <text>', 'what it is called in lists')
    .option('--events <slugs>', 'comma separated; without it all events of the organizer', commaSeparated)
    .addOption(
      new Option('--profile <name>', "what it may use: one of pretix's security profiles")
        .choices(DEVICE_PROFILES)
        .default('full'),
    )
    .action((options: CreateOptions) => run((session) => create(session, options)));
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
            ['organizer', 'id', 'name', 'state', 'profile', 'app', 'phone', 'events'],
            devices.map((fact) => [
              fact.organizer,
              String(fact.device_id),
              fact.name,
              stateOf(fact),
              fact.security_profile ?? 'full',
              both(fact.software_brand, fact.software_version),
              both(fact.hardware_brand, fact.hardware_model),
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

async function create(
  session: Session,
  { organizer, name, profile, events, ...options }: CreateOptions,
): Promise<void> {
  const { url: baseUrl, doubt } = addressForPhones(session.config, options.url);
  await requireFolders(options);
  const wanted = { organizer, name, security_profile: profile, ...scopeOf(events) };
  const { id, setUpToken, expires } = await refusing(createDevice(session.reference, wanted));
  process.stderr.write(
    `Device ${id} of ${organizer}. Scan this with the app, on one phone, before ${dayOf(expires)}; it is not shown again:\n`,
  );
  await showSetUp(deviceSetUp({ baseUrl, setUpToken }), options);
  if (doubt !== null) process.stderr.write(`${doubt}\n`);
  await untilApplied(session);
}

const dayOf = (instant: string): string => `${instant.slice(0, 16).replace('T', ' ')} UTC`;

function stateOf({ revoked, initialized, setup_expires: expires }: DeviceFact): string {
  if (revoked) return 'revoked';
  if (initialized) return 'active';
  return expires && expires <= new Date().toISOString() ? 'expired' : 'not set up';
}

const both = (...parts: readonly (string | null | undefined)[]): string => parts.filter(Boolean).join(' ');
