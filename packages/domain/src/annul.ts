import type { RedemptionUndone } from '@gatehouse/events/admission';
import type { Decision } from './decider';
import { after, earlier, type Instant } from './instant';
import { passagesAt, passagesWithout, type Admissions, type PassedScan } from './ticket';

/** A scan that its scanner named, so that it can name it again to take it back. */
export type NamedScan = PassedScan & { readonly nonce: string };

/** How long after a scan it may be taken back by its scanner (contract §10, 2024–2026). */
const LONGEST_MS = 15 * 60_000;

/** Whether it is too late to take a scan back, by the scanner's own clock. */
export const isTooLate = (scan: { readonly datetime: Instant }, now: Instant): boolean =>
  earlier(after(scan.datetime, LONGEST_MS), now);

/**
 * Takes one scan back, as if it had not happened: a turnstile did not turn. Other entries of the ticket by the list stand. A
 * repeat does nothing.
 */
export const annul =
  (about: Omit<RedemptionUndone['data'], 'reason' | 'scan' | 'nonce'>, scan: NamedScan, reason: string) =>
  (history: Admissions): Decision<{ annulled: boolean }, RedemptionUndone> => {
    if (!isRecorded(history, about.list, scan)) return { result: { annulled: false }, events: [] };
    const { kind, datetime, nonce } = scan;
    const rest = passagesWithout(passagesAt(history, about.list), scan);
    // Without an entry there is nothing left that an exit could be of.
    const stands = kind === 'exit' || rest.some((each) => each.kind !== 'exit');
    return {
      result: { annulled: true },
      events: [
        {
          type: 'RedemptionUndone',
          data: { ...about, reason, ...(stands ? { scan: { kind, datetime } } : {}), nonce },
        },
      ],
    };
  };

function isRecorded({ checkins, passages }: Admissions, list: number, { kind, nonce }: NamedScan): boolean {
  if (kind === 'entry') return checkins[list]?.nonces.includes(nonce) === true;
  const { exitNonces = [], repeatNonces = [] } = passages[list] ?? {};
  return (kind === 'exit' ? exitNonces : repeatNonces).includes(nonce);
}
