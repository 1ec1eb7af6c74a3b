import { randomUUID } from 'node:crypto';
import { reference, type ReferenceEvent } from '@gatehouse/events/reference';
import type { FactOf } from './stored';
import type { ReferenceStore } from './store';

/**
 * Determines the import's number and records its begin, before the first change and never without one. A killed import
 * continues under its old number: otherwise its orders would find lists of an earlier import and be checked in
 * automatically (import.md §3).
 */
export async function openImport(
  store: ReferenceStore,
  folder: string,
): Promise<{ number: number; begin(): Promise<void>; begun(): boolean; finish(): Promise<void> }> {
  const history = await store.load('imports');
  const started = history.findLast((event) => event.type === 'ImportStarted');
  const last = started ? (started.data as FactOf<'ImportStarted'>).import : 0;
  const interrupted = history.at(-1)?.type === 'ImportStarted';
  const number = interrupted ? last : last + 1;
  let length = history.length;
  let beginning: Promise<void> | undefined = interrupted ? Promise.resolve() : undefined;
  let begun = false;

  async function append(event: ReferenceEvent): Promise<void> {
    const recorded = { id: randomUUID(), ...reference.write(event), actor: `import:${number}`, trace: null };
    await store.append('imports', length, [recorded]);
    length++;
  }
  return {
    number,
    begin() {
      begun = true;
      return (beginning ??= append({ type: 'ImportStarted', data: { import: number, folder } }));
    },
    begun: () => begun,
    async finish() {
      if (beginning) await append({ type: 'ImportFinished', data: { import: number } });
    },
  };
}
