import { coversAllDates } from '@gatehouse/domain/checkin-list';
import { problemOfRules } from '@gatehouse/domain/rules';
import { z } from 'zod';
import type { EventScope } from './known';
import { json } from './limits';
import {
  Code,
  filled,
  Flag,
  FlagOn,
  I18n,
  I18nLong,
  Id,
  Ids,
  IdentifierOrEmpty,
  Identifiers,
  Label,
  MaybeId,
  MaybeName,
  Moment,
  Name,
  or,
  Place,
  Present,
  reader,
  SharedId,
  type Stated,
} from './raw';
import { checkDate, checkItems } from './references';

/* Questions, check-in lists and scans of an event, in the format of pretix's API. */

const Question = z.object({
  id: Id,
  question: I18nLong,
  type: filled(Code),
  required: Flag,
  items: Ids,
  options: or(z.array(z.object({ id: Id, identifier: IdentifierOrEmpty, answer: I18n, position: Place })), []),
  position: Place,
  ask_during_checkin: Flag,
  identifier: IdentifierOrEmpty,
  dependency_question: MaybeId,
  dependency_values: or(z.array(Name), null),
  /** The form of older versions. */
  dependency_value: MaybeName,
  hidden: Flag,
  print_on_invoice: Flag,
  valid_number_min: Present,
  valid_number_max: Present,
  valid_date_min: Present,
  valid_date_max: Present,
  valid_datetime_min: Present,
  valid_datetime_max: Present,
  valid_string_length_max: Present,
  valid_string_length_min: Present,
});

/** A question of `questions.json`; its products must exist. */
export const readQuestion = reader(Question, (raw, scope: EventScope, findings): Stated<'QuestionStated'> => {
  checkItems(scope.known, raw.items, 'items', findings.issue);
  const limited = Object.entries(raw).some(([key, value]) => key.startsWith('valid_') && value === true);
  if (limited) findings.note('question.limits');
  return {
    organizer: scope.organizer,
    event: scope.event,
    id: raw.id,
    question: raw.question,
    type: raw.type,
    required: raw.required,
    items: raw.items,
    options: raw.options,
    position: raw.position,
    ask_during_checkin: raw.ask_during_checkin,
    identifier: raw.identifier,
    dependency_question: raw.dependency_question,
    dependency_values: raw.dependency_values ?? (raw.dependency_value === null ? [] : [raw.dependency_value]),
    hidden: raw.hidden,
    print_on_invoice: raw.print_on_invoice,
  };
});

const CheckinList = z.object({
  id: SharedId,
  name: Label,
  all_products: FlagOn,
  limit_products: Ids,
  subevent: MaybeId,
  include_pending: Flag,
  /** Removed in newer versions. */
  auto_checkin_sales_channels: Identifiers,
  /* Of newer versions. They are kept if they are stated, default or not: whoever knows them is shown them again. */
  allow_multiple_entries: z.boolean().nullish(),
  allow_entry_after_exit: z.boolean().nullish(),
  rules: json().pipe(z.record(z.string(), z.unknown())).nullish(),
  exit_all_at: Moment.nullish(),
  addon_match: z.boolean().nullish(),
  ignore_in_statistics: z.boolean().nullish(),
  consider_tickets_used: z.boolean().nullish(),
});

type ListContent = Omit<Stated<'ListStated'>, 'organizer' | 'event' | 'exit_all_at'>;

/** A list of `checkinlists.json`; its products and its date must exist. */
export const readList = reader(CheckinList, (raw, scope: EventScope, findings): Stated<'ListStated'> => {
  checkItems(scope.known, raw.limit_products, 'limit_products', findings.issue);
  checkDate(scope.known, raw.subevent, findings.issue);
  if (raw.rules && problemOfRules(raw.rules) !== null) findings.note('list.rules');
  const { exit_all_at: exitAllAt, ...list } = raw;
  const stated = Object.entries(list).filter(
    ([key, value]) => key === 'subevent' || (value !== null && value !== undefined),
  );
  const content = {
    organizer: scope.organizer,
    event: scope.event,
    ...(Object.fromEntries(stated) as ListContent),
    ...(exitAllAt === undefined ? {} : { exit_all_at: exitAllAt }),
  };
  if (scope.known.hasSubevents && content.subevent === null && !coversAllDates(content))
    findings.note('list.without_date');
  return content;
});

/** Counts the refused scans of `checkins.json`. Accepted ones are read from the orders. */
export const readScan = reader(z.unknown(), (raw, _scope: EventScope, findings) => {
  const refused = typeof raw === 'object' && raw !== null && 'successful' in raw && raw.successful === false;
  if (refused) findings.note('checkin.refused');
  return undefined;
});
