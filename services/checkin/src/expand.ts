import { objectOf } from '@gatehouse/events/given';
import type { AnswerFact, QuestionFact } from '@gatehouse/events/reference';
import type { Festival } from '@gatehouse/shop/festival';
import { questionResource } from './questions';

/**
 * A position with some of its parts as the shop's whole objects in place of their ids (contract §10, 2023.9): `item`,
 * `variation`, `subevent`, `answers.question`. Other names, and ids that the shop does not state any more, change nothing.
 */
export function expanded(
  position: Readonly<Record<string, unknown>>,
  festival: Festival,
  parts: ReadonlySet<string>,
): Record<string, unknown> {
  if (parts.size === 0) return position;
  const wholes: Record<string, unknown> = {};
  const item = festival.items.get(position['item'] as number);
  const date = festival.dates.get(position['subevent'] as number);
  if (parts.has('item') && item) wholes['item'] = objectOf(item);
  if (parts.has('subevent') && date) wholes['subevent'] = objectOf(date);
  if (parts.has('variation') && item) {
    const variations = objectOf(item)['variations'] as readonly { readonly id: unknown }[];
    wholes['variation'] = variations.find(({ id }) => id === position['variation']) ?? position['variation'];
  }
  if (parts.has('answers.question')) {
    wholes['answers'] = (position['answers'] as readonly AnswerFact[]).map((answer) => {
      const question = festival.questions.find(({ id }) => id === answer.question);
      return question ? { ...answer, question: newerQuestion(question) } : answer;
    });
  }
  return { ...position, ...wholes };
}

/** A question as newer versions show it: with everything that the shop states. */
export const newerQuestion = (question: QuestionFact): Record<string, unknown> => ({
  ...questionResource(question),
  show_during_checkin: false,
  ...objectOf(question),
});
