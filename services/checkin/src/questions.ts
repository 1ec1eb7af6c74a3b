import type { CheckinQuestion } from '@gatehouse/domain/answers';
import type { QuestionFact } from '@gatehouse/events/reference';
import type { Festival } from '@gatehouse/shop/festival';
import { sortedOptions } from '@gatehouse/shop/questions';

/** The questions that a scan left open, in their order. */
export function questionsIn(festival: Festival, missing: readonly CheckinQuestion[]): QuestionFact[] {
  const ids = new Set(missing.map((question) => question.id));
  return festival.questions.filter((question) => ids.has(question.id));
}

/** The question resource of contract §6.3, its keys in their order. */
export const questionResource = (question: QuestionFact): Record<string, unknown> => ({
  id: question.id,
  question: question.question,
  type: question.type,
  required: question.required,
  items: question.items,
  options: sortedOptions(question).map(({ id, identifier, answer, position }) => ({
    id,
    identifier,
    answer,
    position,
  })),
  position: question.position,
  ask_during_checkin: question.ask_during_checkin,
  identifier: question.identifier,
  dependency_question: question.dependency_question,
  dependency_values: question.dependency_values,
  hidden: question.hidden,
  dependency_value: question.dependency_values[0] ?? null,
  print_on_invoice: question.print_on_invoice,
});
