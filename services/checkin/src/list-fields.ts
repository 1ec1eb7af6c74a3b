import { isNewer } from '@gatehouse/domain/checkin-list';
import { problemOfRules } from '@gatehouse/domain/rules';
import type { CheckinListFields } from '@gatehouse/events/checkin-list';
import type { Principal } from '@gatehouse/service/auth';
import {
  boolean,
  checked,
  datetime,
  jsonObject,
  nullable,
  unlessSent,
  withDefault,
  type Field,
} from '@gatehouse/service/drf';

/* The fields of a check-in list that pretix has had since 3.9 (contract §10). */

/** Their defaults, in the order in which they are shown. */
const DEFAULTS = {
  allow_multiple_entries: false,
  allow_entry_after_exit: true,
  rules: {},
  exit_all_at: null,
  addon_match: false,
  ignore_in_statistics: false,
  consider_tickets_used: true,
} as const satisfies { readonly [K in NewerField]: Required<CheckinListFields>[K] };

type NewerField =
  | 'allow_multiple_entries'
  | 'allow_entry_after_exit'
  | 'rules'
  | 'exit_all_at'
  | 'addon_match'
  | 'ignore_in_statistics'
  | 'consider_tickets_used';
type Newer = Pick<CheckinListFields, NewerField>;

const NAMES = Object.keys(DEFAULTS) as NewerField[];

/** Rules that are not understood would let nobody in, so they are refused where somebody can mend them. */
function refusalOf(rules: unknown): string | undefined {
  const problem = problemOfRules(rules);
  return problem === null ? undefined : `The rules are not understood: ${problem}.`;
}

/**
 * Whether a list is shown with them: when one was stated, and to an app that told its name, always: those of today insist on
 * some (clients.md §3), and every app that sets itself up skips what it does not know.
 */
export const showsNewer = (fields: Newer, { app }: Principal): boolean => app !== undefined || isNewer(fields);

/** What a list is shown with: all of them, or none. */
export const newerFields = (fields: Newer, reader: Principal): Newer => {
  if (!showsNewer(fields, reader)) return {};
  return Object.fromEntries(NAMES.map((name) => [name, fields[name] ?? DEFAULTS[name]]));
};

/** Those that a request may set. Of a list that states them, one that is not sent is reset by PUT (contract §12, row 9). */
export function newerShape(stored: Newer | undefined) {
  const isShown = stored !== undefined && isNewer(stored);
  const field = <T>(of: Field<T>, value: T): Field<T | undefined> =>
    isShown ? withDefault(of, value) : unlessSent(of);
  return {
    allow_multiple_entries: field(boolean(), DEFAULTS.allow_multiple_entries),
    allow_entry_after_exit: field(boolean(), DEFAULTS.allow_entry_after_exit),
    rules: field(checked(jsonObject(), refusalOf), DEFAULTS.rules),
    exit_all_at: field(nullable(datetime()), DEFAULTS.exit_all_at),
    addon_match: field(boolean(), DEFAULTS.addon_match),
  };
}
