const path = require('node:path');
const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * The files that take longest, with the longest first. In a fresh clone jest knows no times and begins with the largest file: a
 * long one that began last would be waited for by all other workers.
 */
const LONGEST = [
  'test/races/batches-killed.test.ts',
  'packages/sales/src/rendering/render-processes.test.ts',
  'test/races/batches-hot.test.ts',
  'test/faults/faults.test.ts',
  'test/e2e/backends.test.ts',
  'packages/embedded-postgres/src/start-embedded.test.ts',
  'packages/eventing/src/kafka-faults.test.ts',
  'packages/eventing/src/kafka-bus.test.ts',
  'packages/sales/src/rendering/renders.test.ts',
  'test/conformance/strangers.test.ts',
  'test/conformance/doubled-input.test.ts',
  'test/races/killed-renderers.test.ts',
  'test/conformance/ticket-pdf.test.ts',
  'test/e2e/todays-scanners.test.ts',
  'test/conformance/restated-orders.test.ts',
  'packages/inventory/src/reservations.test.ts',
  'test/conformance/transport-outage.test.ts',
  'packages/eventing/src/kafka-sasl.test.ts',
  'packages/eventing/src/postgres-faults.test.ts',
  'test/e2e/kafka-commands.test.ts',
];

class LongestFirst extends Sequencer {
  /** Those without a place in the list follow in jest's own order. */
  async sort(tests) {
    const place = ({ context, path: file }) => {
      const found = LONGEST.indexOf(path.relative(context.config.rootDir, file).replaceAll(path.sep, '/'));
      return found === -1 ? LONGEST.length : found;
    };
    return [...(await super.sort(tests))].sort((one, other) => place(one) - place(other));
  }
}

module.exports = LongestFirst;
