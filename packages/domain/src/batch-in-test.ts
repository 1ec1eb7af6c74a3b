import type { BatchRequested, Ticket } from '@gatehouse/events/sales';

/** Three tickets of a product. */
export const request: BatchRequested['data'] = {
  organizer: 'demo',
  event: 'openair',
  batch: '29891ede-196f-4942-9e26-d055a36e98b8',
  item: 3,
  variation: null,
  date: null,
  amount: 3,
  sales_channel: 'web',
  testmode: false,
  datetime: '2027-06-01T08:00:00Z',
  id: 1,
  layout: 123,
  price: '149.00',
  tax_rate: '19.00',
  tax_value: '23.79',
  tax_rule: 2,
  locale: 'en',
  comment: 'Box office at the station',
};

/** The position of the first ticket of a batch. */
export const FIRST = 1_000_000_000;

/** Tickets as they could be minted, all different, numbered from `first`. As long as real ones are at most. */
export const ticketsFrom = (first: number, count: number): Ticket[] =>
  Array.from({ length: count }, (_none, i) => {
    const number = String(first + i).padStart(8, '0');
    return {
      code: `C${number}`,
      secret: `s${number.padStart(31, '0')}`,
      pseudonymization_id: `PS${number}`,
    };
  });
