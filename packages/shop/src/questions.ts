import type { QuestionFact } from '@gatehouse/events/reference';
import type { CheckinQuestion } from '@gatehouse/domain/answers';
import { localize } from '@gatehouse/domain/localize';
import type { Festival } from './festival';

const NONE: readonly CheckinQuestion[] = [];

/** Options in the order position, id. */
export const sortedOptions = (question: QuestionFact): QuestionFact['options'] =>
  [...question.options].sort((a, b) => a.position - b.position || a.id - b.id);

/** The check-in questions of an item as the decision needs them, with option texts in `language` (contract §2.3). */
export function checkinQuestions(festival: Festival, item: number, language: string): readonly CheckinQuestion[] {
  const questions = festival.checkinQuestions.get(item);
  if (!questions || questions.length === 0) return NONE;
  return questions.map((question) => ({
    id: question.id,
    type: question.type,
    required: question.required,
    position: question.position,
    options: sortedOptions(question).map((option) => ({
      id: option.id,
      identifier: option.identifier,
      text: localize(option.answer, language, festival.fact.locale),
    })),
  }));
}
