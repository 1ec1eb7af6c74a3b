import { metrics } from '@opentelemetry/api';

/** What happened on all streams of a kind in this process. */
type Counts = { commands: number; appends: number; conflicts: number };

export type StreamCounts = {
  /** Commands that an append or a read of the store has settled together. */
  settled(stream: string, commands: number): void;
  /** An append that lost the race for its revision; its commands are decided again. */
  lost(stream: string): void;
};

const counts = new Map<string, Counts>();

/**
 * Counts decisions by the kind of stream (`ticket` of `ticket-17`), for all deciders of this process. The numbers are kept here and
 * reported when metrics are read: a counter of OpenTelemetry hashes its labels at every call.
 */
export function streamCounts(): StreamCounts {
  observeOnce();
  return {
    settled(stream, commands) {
      const of = countsOf(stream);
      of.commands += commands;
      of.appends++;
    },
    lost: (stream) => void countsOf(stream).conflicts++,
  };
}

function countsOf(stream: string): Counts {
  const kind = stream.slice(0, stream.indexOf('-'));
  let of = counts.get(kind);
  if (!of) counts.set(kind, (of = { commands: 0, appends: 0, conflicts: 0 }));
  return of;
}

let isObserved = false;

function observeOnce(): void {
  if (isObserved) return;
  isObserved = true;
  const meter = metrics.getMeter('gatehouse');
  const report = (name: keyof Counts, description: string) =>
    meter.createObservableCounter(`gatehouse.stream.${name}`, { description }).addCallback((result) => {
      for (const [kind, of] of counts) result.observe(of[name], { kind });
    });
  report('commands', 'Decided commands by the kind of their stream');
  report('appends', 'Rounds in which they were decided: commands of one stream that wait together share one');
  report('conflicts', 'Appends that another process was ahead of, so that their commands were decided again');
}
