import { Permission } from '@gatehouse/events/reference';
import { createToken, listTokens, revoke } from '@gatehouse/reference/credentials';
import { InvalidArgumentError, type Command } from 'commander';
import type { Run } from '../run-command';
import { commaSeparated, wholeNumber } from '../arguments';
import { refusing, revoked, scopeOf, table, untilApplied } from '../credential-output';

/** `token create|list|revoke`: API tokens of a team (contract §1.2, §1.3). */
export function tokenCommand(program: Command, run: Run): void {
  const token = program.command('token').description('API tokens, as pretix gives them to a team');
  token
    .command('create')
    .description('make a token; it is shown once and stored as a hash only')
    .requiredOption('--organizer <slug>', 'whose events it is for')
    .requiredOption('--name <text>', 'what it is called in lists')
    .option('--permissions <flags>', `comma separated: ${Permission.options.join(', ')}`, permissions, [
      'can_view_orders',
      'can_change_orders',
    ] as Permission[])
    .option('--events <slugs>', 'comma separated; without it all events of the organizer', commaSeparated)
    .action((options: { organizer: string; name: string; permissions: Permission[]; events?: string[] }) =>
      run(async (session) => {
        const { organizer, name, permissions: granted } = options;
        const wanted = { organizer, name, permissions: granted, ...scopeOf(options.events) };
        const { id, secret } = await refusing(createToken(session.reference, wanted));
        process.stderr.write(`Token ${id}; it is not shown again:\n`);
        process.stdout.write(`${secret}\n`);
        await untilApplied(session);
      }),
    );
  token
    .command('list')
    .description('all tokens, without their secrets')
    .action(() =>
      run(async ({ reference }) => {
        const tokens = (await listTokens(reference)).map(({ fact }) => fact).sort((a, b) => a.id - b.id);
        process.stdout.write(
          table(
            ['id', 'organizer', 'name', 'active', 'events', 'permissions'],
            tokens.map((fact) => [
              String(fact.id),
              fact.organizer,
              fact.name,
              fact.active ? 'yes' : 'no',
              fact.all_events ? 'all' : fact.limit_events.join(','),
              fact.permissions.join(','),
            ]),
          ),
        );
      }),
    );
  token
    .command('revoke')
    .description('end a token at once, for good: an import does not revive it')
    .argument('<id>', 'as "token list" shows it', wholeNumber)
    .action((id: number) =>
      run(async (session) => {
        revoked(`token ${id}`, await revoke(session.reference, 'TokenStated', `token-${id}`));
        await untilApplied(session);
      }),
    );
}

function permissions(text: string): Permission[] {
  return commaSeparated(text).map((flag) => {
    const known = Permission.safeParse(flag);
    if (!known.success) throw new InvalidArgumentError(`"${flag}" is none of ${Permission.options.join(', ')}.`);
    return known.data;
  });
}
