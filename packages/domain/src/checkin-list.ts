import type { CheckinListEvent } from '@gatehouse/events/admission';
import type { CheckinListFields } from '@gatehouse/events/checkin-list';
import type { Decider, Decision } from './decider';

/** The fields that pretix has had since 3.9 and that change who may enter (contract §10). */
type NewerRules = Pick<
  CheckinListFields,
  'allow_multiple_entries' | 'allow_entry_after_exit' | 'rules' | 'exit_all_at' | 'addon_match'
>;

/** Whether the shop or a request has stated any of them: then the list is one of a newer version, and shown as such. */
export const isNewer = (list: NewerRules): boolean =>
  list.allow_multiple_entries !== undefined ||
  list.allow_entry_after_exit !== undefined ||
  list.rules !== undefined ||
  list.exit_all_at !== undefined ||
  list.addon_match !== undefined;

/** Whether a list without a date is one of all dates of a series. One of an older version has no tickets there. */
export const coversAllDates = (list: NewerRules & Pick<CheckinListFields, 'subevent'>): boolean =>
  list.subevent === null && isNewer(list);

/** Whether tickets of a date (null: of none) are on a list. */
export const coversDate = (list: NewerRules & Pick<CheckinListFields, 'subevent'>, date: number | null): boolean =>
  coversAllDates(list) || list.subevent === date;

export type CheckinList =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'active';
      readonly fields: CheckinListFields;
      /** The newest imported fact of the list: its import and hash; null for a list that was created through the API. */
      readonly fact: { readonly import: number; readonly hash: string } | null;
      /** Whether it was edited through the API since that fact. */
      readonly edited: boolean;
    }
  | { readonly kind: 'deleted' };

export const checkinList: Decider<CheckinList, CheckinListEvent> = {
  initial: { kind: 'none' },
  evolve(state, event) {
    if (event.type === 'CheckinListDeleted') return { kind: 'deleted' };
    const { import: number, hash, ...rest } = event.data;
    const { replaced_edits: _dropped, ...fields } = { replaced_edits: undefined, ...rest };
    const stated = number !== null && hash !== null;
    const before = state.kind === 'active' ? state.fact : null;
    return {
      kind: 'active',
      fields,
      fact: stated ? { import: number, hash } : before,
      edited: event.type === 'CheckinListChanged' && !stated,
    };
  },
};

const byHand = { import: null, hash: null };

/** Creates a list through the API. */
export const createList =
  (fields: CheckinListFields) =>
  (list: CheckinList): Decision<{ created: boolean }, CheckinListEvent> =>
    list.kind === 'none'
      ? { result: { created: true }, events: [{ type: 'CheckinListCreated', data: { ...fields, ...byHand } }] }
      : { result: { created: false }, events: [] };

/**
 * Changes the given fields of a list through the API; appends nothing when nothing would change. `found` false: there is no
 * such list (any more). Fields that are not given keep their current value, so two simultaneous PATCHes of different fields
 * both take effect.
 */
export const changeList =
  (changes: Partial<Omit<CheckinListFields, 'organizer' | 'event' | 'id'>>) =>
  (list: CheckinList): Decision<{ found: boolean }, CheckinListEvent> => {
    if (list.kind !== 'active') return { result: { found: false }, events: [] };
    const fields = { ...list.fields, ...changes };
    // Both have their fields in the same order, so equal texts mean equal lists.
    if (JSON.stringify(fields) === JSON.stringify(list.fields)) return { result: { found: true }, events: [] };
    return {
      result: { found: true },
      events: [{ type: 'CheckinListChanged', data: { ...fields, ...byHand, replaced_edits: false } }],
    };
  };

/** Deletes a list, and with it its check-ins (contract §12, row 7). */
export const deleteList =
  () =>
  (list: CheckinList): Decision<{ found: boolean }, CheckinListEvent> =>
    list.kind === 'active'
      ? {
          result: { found: true },
          events: [
            {
              type: 'CheckinListDeleted',
              data: { organizer: list.fields.organizer, event: list.fields.event, id: list.fields.id },
            },
          ],
        }
      : { result: { found: false }, events: [] };

/**
 * Applies an imported fact of a list (import.md §3): one that is unchanged, older, or about a deleted list is ignored; a
 * changed fact replaces local edits, and its event records that.
 */
export const stateList =
  (fields: CheckinListFields, fact: { import: number; hash: string }) =>
  (list: CheckinList): Decision<{ taken: boolean; replacedEdits: boolean }, CheckinListEvent> => {
    if (list.kind === 'deleted') return { result: { taken: false, replacedEdits: false }, events: [] };
    if (list.kind === 'none') {
      return {
        result: { taken: true, replacedEdits: false },
        events: [{ type: 'CheckinListCreated', data: { ...fields, ...fact } }],
      };
    }
    if (list.fact && (list.fact.hash === fact.hash || list.fact.import > fact.import)) {
      return { result: { taken: false, replacedEdits: false }, events: [] };
    }
    return {
      result: { taken: true, replacedEdits: list.edited },
      events: [{ type: 'CheckinListChanged', data: { ...fields, ...fact, replaced_edits: list.edited } }],
    };
  };
