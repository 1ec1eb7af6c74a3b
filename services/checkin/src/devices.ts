import type { Admission } from '@gatehouse/admission/admission';
import { listsOf, type ListRow } from '@gatehouse/admission/lists';
import { localize } from '@gatehouse/domain/localize';
import type { ApiRequest } from '@gatehouse/service/api-request';
import { claimOf, type Principal } from '@gatehouse/service/auth';
import { notAuthenticated } from '@gatehouse/service/errors';
import { route, type Route } from '@gatehouse/service/http';
import { chooseLanguage } from '@gatehouse/service/language';
import { idIn } from '@gatehouse/service/path';
import type { Reply } from '@gatehouse/service/reply';
import { deviceResource, tokenOf } from '@gatehouse/shop/device-resource';
import type { Festival } from '@gatehouse/shop/festival';
import { chooseOccasion, occasionsOf, type Occasion } from './event-selection';
import { inListOrder } from './lists';

/*
 * What a scanner reads of itself and of the server. It is answered at the gates, from their own read models, so that a
 * scanner synchronises while the service reference, which sets devices up, is away.
 */

/** `device/info`, `device/eventselection` and `version`; `announced` is the pretix version that apps shall see. */
export function deviceRoutes(admission: Admission, announced: string): Route[] {
  const version = { pretix: announced, pretix_numeric: numericVersion(announced) };
  return [
    route('version', { name: 'version', access: 'authenticated', GET: () => ({ status: 200, body: version }) }),
    route('device/info', {
      name: 'device.info',
      access: 'device',
      GET: (request) => info(request, admission, version),
    }),
    route('device/eventselection', {
      name: 'device.eventselection',
      access: 'device',
      GET: (request) => selectEvent(request, admission),
    }),
  ];
}

/** A release as apps compare it: `4.11.0` is 40110005000 (50: a release, not a release candidate). */
function numericVersion(version: string): number {
  const [major, minor, patch] = version.split('.').map(Number);
  return major! * 1e10 + minor! * 1e7 + patch! * 1e4 + 5_000;
}

async function info(request: ApiRequest, { credential }: Admission, version: object): Promise<Reply> {
  const found = await credential('device', claimOf(request.header('authorization')).secretSha256);
  // It was valid a moment ago.
  if (found?.kind !== 'device') throw notAuthenticated('Invalid token.');
  const device = deviceResource(found.fact, tokenOf(request));
  return { status: 200, body: { device, server: { version }, medium_key_sets: [] } };
}

async function selectEvent(request: ApiRequest, admission: Admission): Promise<Reply> {
  const { catalog } = admission;
  const { principal, query } = request;
  const covered = catalog.festivals().filter((festival) => covers(principal, festival));
  const shown = shownOccasion(request, catalog.festival(principal.organizer, query.get('current_event') ?? ''));
  const chosen = chooseOccasion(covered.flatMap(occasionsOf), shown, Date.now());
  if (!chosen) return { status: 404 };
  if (chosen === shown) return { status: 304 };
  await admission.caughtUp(['lists']);
  const selection = await selectionOf(chosen, { request, admission, shown });
  const isShown =
    shown !== undefined &&
    shown.festival.key === chosen.festival.key &&
    shown.date === chosen.date &&
    selection.checkinlist === idIn(query.get('current_checkinlist') ?? '');
  return isShown ? { status: 304 } : { status: 200, body: selection };
}

const covers = ({ organizer, allEvents, events }: Principal, { fact }: Festival): boolean =>
  fact.organizer === organizer && (allEvents || events.has(fact.event));

/** What the device says that it shows: an event, in a series with a date. */
function shownOccasion({ query }: ApiRequest, festival: Festival | undefined): Occasion | undefined {
  if (!festival) return undefined;
  const date = idIn(query.get('current_subevent') ?? '');
  return occasionsOf(festival).find((each) => each.date === (festival.fact.has_subevents ? date : null));
}

/** An event with the check-in list to show: one of the same name as the present one, if there is one. */
async function selectionOf(
  { festival, date }: Occasion,
  { request, admission, shown }: { request: ApiRequest; admission: Admission; shown: Occasion | undefined },
) {
  const { fact, key } = festival;
  const lists = inListOrder(await listsOf(admission.pool, key), festival).filter(
    ({ fields }) => fields.subevent === null || fields.subevent === date,
  );
  const present = idIn(request.query.get('current_checkinlist') ?? '');
  const shownLists = shown && present !== null ? await listsOf(admission.pool, shown.festival.key) : [];
  const name = shownLists.find(({ id }) => id === present)?.fields.name;
  const isAlike = (list: ListRow) => name !== undefined && (list.fields.name === name || list.id === present);
  const list = lists.find(isAlike) ?? lists[0];
  const language = chooseLanguage(request.header('accept-language'), fact.locales, fact.locale);
  return {
    event: { slug: fact.event, name: localize(fact.name, language, fact.locale) },
    subevent: date,
    checkinlist: list?.id ?? null,
  };
}
