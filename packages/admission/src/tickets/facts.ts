import type { AnswerFact, OrderFact, PositionFact } from '@gatehouse/events/reference';

/** A ticket's name and e-mail as the shop states them, before a name scheme is applied. */
export type Holder = {
  readonly name: string | null;
  readonly parts: Readonly<Record<string, unknown>>;
  readonly email: string | null;
};

/** The fields of a ticket that replies show, as its order states them; names are rendered by the schemes of contract §2.2. */
export type ShownFacts = {
  readonly positionid: number;
  readonly price: string;
  readonly attendee_name: string | null;
  readonly attendee_name_parts: Readonly<Record<string, unknown>>;
  /** For printing (`pdf_data`): the ticket's own name parts, and its own or its parent's name. */
  readonly printed: { readonly name: string | null; readonly parts: Readonly<Record<string, unknown>> };
  readonly attendee_email: string | null;
  readonly voucher: number | null;
  readonly tax_rate: string;
  readonly tax_value: string;
  readonly tax_rule: number | null;
  readonly secret: string;
  readonly addon_to: number | null;
  /** The flat name of a ticket that the shop states without name parts; absent when there is none. */
  readonly stated_name?: string;
  /** Of an add-on: the parent's name, so that its names can be rewritten when the event's scheme changes. */
  readonly parent?: Holder;
  readonly pseudonymization_id: string;
  readonly seat: PositionFact['seat'];
  /** Why the shop has blocked it, and when it lets in; absent when the shop says nothing. */
  readonly blocked?: readonly string[];
  readonly valid_from?: string;
  readonly valid_until?: string;
  /** The layout by which it was printed, of a ticket of a batch (contract §9.1). */
  readonly layout?: number;
  readonly answers: readonly AnswerFact[];
  /** The ticket's add-ons in the order positionid, canceled ones included. */
  readonly addons: readonly { item: number; variation: number | null; price: string; canceled: boolean }[];
  readonly order: {
    readonly code: string;
    readonly testmode: boolean;
    readonly email: string | null;
    readonly locale: string;
    readonly sales_channel: string;
    readonly checkin_attention: boolean;
    readonly require_approval: boolean;
    readonly invoice: OrderFact['invoice_address'];
  };
};
