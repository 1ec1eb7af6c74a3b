import type { AnswerFact } from '@gatehouse/events/reference';
import type { Admissions } from '@gatehouse/domain/ticket';

/** What an answer says of its question. */
export type AnsweredQuestion = {
  readonly identifier: string;
  readonly options: readonly { readonly id: number; readonly identifier: string }[];
};

/**
 * A ticket's answers: the buyer's, replaced by those given at a gate to the same question, or taken back there (design §3).
 * `questionOf`: of an id; undefined for a question that the shop does not have any more.
 */
export function shownAnswers<Stated extends Pick<AnswerFact, 'question'>>(
  stated: readonly Stated[],
  given: Admissions['answers'],
  questionOf: (id: number) => AnsweredQuestion | undefined,
): readonly (Stated | AnswerFact)[] {
  const atGate = Object.entries(given);
  if (atGate.length === 0) return stated;
  const all = new Map<number, Stated | AnswerFact>(stated.map((answer) => [answer.question, answer]));
  for (const [key, { answer, options }] of atGate) {
    const id = Number(key);
    if (answer === null) {
      all.delete(id);
      continue;
    }
    const question = questionOf(id);
    const identifiers = new Map(question?.options.map((option) => [option.id, option.identifier]));
    all.set(id, {
      question: id,
      answer,
      question_identifier: question?.identifier ?? '',
      options: [...options],
      option_identifiers: options.map((option) => identifiers.get(option) ?? ''),
    });
  }
  return [...all.values()];
}
