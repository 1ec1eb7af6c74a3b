import { admission, type PositionRedeemed, type RedemptionRefused } from '@gatehouse/events/admission';
import { NewerEventVersion } from '@gatehouse/events/define';
import type { Envelope } from '@gatehouse/events/envelope';
import { cloudEvent, eventOf, subjectOf } from './cloud-events';

const published = { context: 'admission', definitions: admission.definitions, audience: 'public' } as const;

const about = { organizer: 'o', event: 'e', list: 1, position: 7, item: 2, variation: null, date: null };
const redeemed: PositionRedeemed['data'] = {
  ...about,
  first: true,
  forced: false,
  auto: false,
  datetime: '2026-11-20T13:45:30Z',
  nonce: 'secret-nonce',
  nonce_present: true,
};
const refused: RedemptionRefused['data'] = {
  ...about,
  reason: 'already_redeemed',
  forced: false,
  datetime: '2026-11-20T13:45:30Z',
  nonce_present: false,
};
const recorded = (type: string, data: unknown, stream = 'ticket-7'): Envelope => ({
  id: '0191e2a0-0000-7000-8000-000000000001',
  type,
  version: 1,
  data,
  stream,
  revision: 3,
  time: '2026-11-20T13:45:30.123456Z',
  actor: 'device:1',
  trace: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
});

describe('an event as the outside sees it', () => {
  test('has all its fields on an internal topic: our own contexts need them', () => {
    const event = cloudEvent(recorded('PositionRedeemed', redeemed), { ...published, audience: 'internal' });
    expect(JSON.parse(event)).toMatchObject({ data: redeemed });
  });

  test('is a CloudEvents 1.0 document without the private fields', () => {
    const { nonce: _, ...data } = redeemed;
    expect(JSON.parse(cloudEvent(recorded('PositionRedeemed', redeemed), published))).toEqual({
      specversion: '1.0',
      id: '0191e2a0-0000-7000-8000-000000000001',
      source: '/gatehouse/admission',
      type: 'PositionRedeemed',
      subject: 'ticket-7',
      time: '2026-11-20T13:45:30.123456Z',
      datacontenttype: 'application/json',
      dataschema: 'urn:gatehouse:admission:PositionRedeemed:1',
      version: 1,
      stream: 'ticket-7',
      revision: 3,
      actor: 'device:1',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      data,
    });
  });

  test('a refused scan is about its ticket, or about its stream when the ticket is unknown', () => {
    expect(subjectOf(recorded('RedemptionRefused', refused, 'refusals-x'), published)).toBe('ticket-7');
    const unknown = recorded('RedemptionRefused', { ...refused, position: null }, 'refusals-x');
    expect(subjectOf(unknown, published)).toBe('refusals-x');
    expect(subjectOf(recorded('PositionRedeemed', redeemed), published)).toBe('ticket-7');
  });

  test('what this release does not know is not published, since it may have private fields', () => {
    expect(() => cloudEvent(recorded('Unheard', {}), published)).toThrow(NewerEventVersion);
    expect(() => cloudEvent({ ...recorded('PositionRedeemed', redeemed), version: 2 }, published)).toThrow(
      NewerEventVersion,
    );
  });

  test('comes back as it was; anything else in the topic is refused', () => {
    const event = recorded('RedemptionRefused', refused, 'refusals-x');
    expect(eventOf(Buffer.from(cloudEvent(event, published)))).toEqual(event);
    for (const value of [null, Buffer.from('{'), Buffer.from('null'), Buffer.from('{"specversion":"1.0"}')]) {
      expect(() => eventOf(value)).toThrow('not an event of Gatehouse');
    }
  });
});
