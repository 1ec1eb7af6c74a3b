import { READ_MODELS } from '@gatehouse/admission/context';
import { checkin } from '@gatehouse/checkin/service';
import { reference } from '@gatehouse/events/reference';
import { verifyReadModel } from '@gatehouse/eventing/read-model';
import { legacyDroid } from '@gatehouse/legacy-droid/service';
import { eventOf as factOf, spooledOf, spooledOrder } from '@gatehouse/reference/facts';
import { keepGiven, keepGivenOrder } from '@gatehouse/reference/given';
import type { OrderContent } from '@gatehouse/reference/raw-orders';
import { storageIssues } from '@gatehouse/reference/storage-limits';
import { eventOf, EXPORT_OBJECTS, FEST, KEY, TOKEN, type ExportObject } from '@gatehouse/test-support/export-objects';
import { ODD_VALUES, placesIn, withValue, type Place } from '@gatehouse/test-support/odd-values';
import { startSystem, type System } from '@gatehouse/test-support/system';

/* Every read model can store whatever an import accepts, and scans continue (import.md §3). */

/** An object with an odd value at one place that its reader accepts. */
type Accepted = { readonly place: Place; readonly value: unknown; readonly object: Record<string, unknown> };

/**
 * Puts every odd value at every place. Accepted objects must make facts that their schemas accept and one append can hold.
 */
function findAccepted({ kind, file: name, read, one }: ExportObject): Accepted[] {
  const accepted: Accepted[] = [];
  let n = 1_000;
  for (const place of placesIn(one(1))) {
    for (const value of ODD_VALUES) {
      const object = withValue(one(n), place, value) as Accepted['object'];
      const { content, issues, notes } = read(structuredClone(object));
      const tooLong = issues.find(({ path, reason }) => path.length + reason.length > 500);
      if (tooLong) throw new Error(`${kind}: a reason of ${tooLong.reason.length} characters`);
      if (issues.length > 0 || content === undefined) continue;
      // An import keeps the whole object besides.
      if (name === 'settings.json') Object.assign(content as object, { given_settings: object });
      else if (kind === 'order') keepGivenOrder(content as OrderContent, object);
      else keepGiven(kind, content as never, object);
      const file = { path: '', name: '', bytes: 0 };
      const whole = { kind, content, issues, notes, index: 0, file } as unknown as Parameters<typeof storageIssues>[0];
      const spooled = whole.kind === 'order' ? [spooledOrder(whole.content)] : spooledOf(whole);
      if (storageIssues(whole, spooled).length > 0) continue;
      for (const each of spooled) {
        const fact = reference.write(factOf(each, { id: 1, ...(JSON.parse(each.json) as object) }, 1));
        expect(Buffer.byteLength(JSON.stringify(fact))).toBeLessThan(900_000);
      }
      accepted.push({ place, value, object });
      n++;
    }
  }
  return accepted;
}

/** Computed once, for the readers' own tests and for the sample. */
const found = new Map<ExportObject, Accepted[]>();
function acceptedOf(kind: ExportObject): Accepted[] {
  const accepted = found.get(kind) ?? findAccepted(kind);
  found.set(kind, accepted);
  return accepted;
}

/**
 * Of the accepted objects enough for a test of the whole system: the longest value at every place, so that each limit is
 * reached, and every value once. Those that use another object's name or id are left out.
 */
function sampleOf(kind: ExportObject, accepted: readonly Accepted[]): Accepted['object'][] {
  const longest = new Map<string, Accepted>();
  for (const each of accepted) {
    const best = longest.get(each.place.join());
    if (!best || lengthOf(each.value) > lengthOf(best.value)) longest.set(each.place.join(), each);
  }
  const values = new Set<unknown>();
  const taken = new Set(namesIn(kind, kind.one(1)));
  return accepted.flatMap((each) => {
    const isNew = !values.has(each.value) || longest.get(each.place.join()) === each;
    const names = namesIn(kind, each.object);
    if (!isNew || names.some((name) => taken.has(name))) return [];
    values.add(each.value);
    for (const name of names) taken.add(name);
    return [each.object];
  });
}

const lengthOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** The values in an object that must be unique. */
function namesIn({ own }: ExportObject, object: Record<string, unknown>): string[] {
  return own.flatMap((path) => {
    const values = path
      .split('.')
      .reduce<unknown[]>(
        (at, key) => at.flatMap((each) => (each as Record<string, unknown> | null)?.[key] ?? []),
        [object],
      );
    // Secrets are trimmed.
    return values.map((value) => `${path} ${String(value).trim()}`);
  });
}

/** A folder of an event with one odd file, `event.json` or `settings.json`. */
function eventFolder(file: string, object: object, n: number): Record<string, unknown> {
  const name = `${file.split('.')[0]}${n}`;
  return { [`events/${name}/event.json`]: eventOf(name), [`events/${name}/${file}`]: object };
}

test.each(EXPORT_OBJECTS.map((each) => [each.file, each] as const))(
  'every odd value at every place of %s is refused with a short reason, or makes a fact',
  (_, kind) => expect(acceptedOf(kind).length).toBeGreaterThan(placesIn(kind.one(1)).length),
);

describe('a system', () => {
  let system: System;
  beforeAll(async () => {
    system = await startSystem([checkin, legacyDroid]);
  });
  afterAll(() => system.close());

  test('stores what is accepted in every read model, and scans go on', async () => {
    const files: Record<string, unknown> = {
      'organizer.json': { slug: 'odd', name: 'Odd' },
      [`${FEST}/event.json`]: { slug: 'fest', name: 'Fest', has_subevents: false, timezone: 'Pacific/Kiritimati' },
    };
    for (const kind of EXPORT_OBJECTS.filter((each) => each.kind !== 'organizer')) {
      const sample = sampleOf(kind, acceptedOf(kind));
      if (kind.kind !== 'event') files[kind.file] = [kind.one(1), ...sample];
      else sample.forEach((object, i) => Object.assign(files, eventFolder(kind.file, object, i)));
    }
    // The list of the scan below: without a date, and without automatic check-ins.
    (files[`${FEST}/checkinlists.json`] as object[])[0] = { id: 1, name: 'Gate', include_pending: true };

    const report = await system.import(files);
    expect(report.problemCount).toBe(0);
    expect((await system.call('GET', '/readyz')).status).toBe(200);
    for (const model of READ_MODELS) expect(await verifyReadModel(model, system.feeds, () => undefined)).toEqual([]);

    const base = '/api/v1/organizers/odd/events/fest/checkinlists/';
    let next: string | null = `${base}1/positions/?ordering=attendee_name`;
    let shown = 0;
    while (next) {
      const { status, body } = await system.call('GET', next.replace(system.url, ''), { token: TOKEN });
      expect([next, status]).toEqual([next, 200]);
      const page = body as { next: string | null; results: unknown[] };
      shown += page.results.length;
      next = page.next;
    }
    expect(shown).toBeGreaterThan(200);
    for (const target of [base, `${base}1/status/`, `${base}1/positions/?search=x`]) {
      expect([target, (await system.call('GET', target, { token: TOKEN })).status]).toEqual([target, 200]);
    }
    for (const target of ['status', 'download', 'search']) {
      const path = `/pretixdroid/api/odd/fest/${target}/?key=${KEY}&query=xxxx`;
      expect([target, (await system.call('GET', path)).status]).toEqual([target, 200]);
    }
    expect(
      (
        await system.call('POST', `${base}1/positions/s1/redeem/`, {
          token: TOKEN,
          // The ticket has every key, so it is blocked and valid at one moment only.
          json: { questions_supported: false, force: true },
        })
      ).status,
    ).toBe(201);
  }, 300_000);
});
