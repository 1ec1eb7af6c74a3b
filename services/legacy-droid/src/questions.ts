import type { Festival } from '@gatehouse/shop/festival';
import { sortedOptions } from '@gatehouse/shop/questions';
import type { QuestionFact } from '@gatehouse/events/reference';
import { localize } from '@gatehouse/domain/localize';

/** Questions of any other type crash old scanners: they are neither required nor sent (contract, decisions). */
const KNOWN_TYPES = new Set('NSTBCMFDHW');

/** Whether old scanners support the question's type. */
export const isAsked = ({ type }: { readonly type: string }): boolean => KNOWN_TYPES.has(type);

/** The question object of contract §3.3, its keys in their order; `items` is sent by decision (§12 row 1). */
export function questionObject(question: QuestionFact, { fact }: Festival, language: string): Record<string, unknown> {
  const text = (i18n: QuestionFact['question']) => localize(i18n, language, fact.locale);
  const isChoice = question.type === 'C' || question.type === 'M';
  return {
    id: question.id,
    type: question.type,
    question: text(question.question),
    required: question.required,
    position: question.position,
    options: isChoice ? sortedOptions(question).map(({ id, answer }) => ({ id, answer: text(answer) })) : [],
    items: question.items,
  };
}
