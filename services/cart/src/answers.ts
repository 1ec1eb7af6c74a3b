import type { AnswerFact, QuestionFact } from '@gatehouse/events/reference';
import { localize } from '@gatehouse/domain/localize';
import type { UploadFound } from '@gatehouse/inventory/uploads';
import {
  char,
  checked,
  date,
  datetime,
  objects,
  parseDecimal,
  pk,
  pks,
  time,
  withDefault,
  type Field,
} from '@gatehouse/service/drf';
import { Invalid, invalid } from '@gatehouse/service/invalid';
import type { Catalog } from '@gatehouse/shop/catalog';
import type { Festival } from '@gatehouse/shop/festival';

/** What answers are read by. */
export type AnswerPlace = {
  readonly catalog: Catalog;
  readonly festival: Festival;
  /** Of the request: choices are stored as texts. */
  readonly language: string;
  /** A file that whoever asks has uploaded; undefined for any other. */
  upload(id: string): Promise<UploadFound | undefined>;
};

type Option = { readonly id: number; readonly question: QuestionFact };
type Sent = { readonly question: QuestionFact; readonly answer: string; readonly options: readonly Option[] };

/**
 * The answers of a cart position (contract §8.3). A question may be any of the event's; which product it belongs to, and whether it must be
 * answered, is not looked at.
 */
export function answersField(place: AnswerPlace): Field<readonly AnswerFact[]> {
  const { catalog, festival } = place;
  const { organizer, event } = festival.fact;
  const ours = (question: QuestionFact | undefined) => (question?.organizer === organizer ? question : undefined);
  const shape = {
    question: checked(
      pk((id) => ours(catalog.question(id))),
      (question) => (question.event === event ? undefined : 'The specified question does not belong to this event.'),
    ),
    answer: char(),
    options: withDefault(
      pks((ids) => {
        const found = ids.map((id) => ({ id, question: ours(catalog.questionOfOption(id)) }));
        return new Map(found.filter((option): option is Option => !!option.question).map((each) => [each.id, each]));
      }),
      [],
    ),
  };
  return checked(
    objects(shape, (sent) => stored(sent, place)),
    (answers) => {
      const questions = new Set(answers.map(({ question }) => question));
      return questions.size === answers.length ? undefined : 'A question can be answered only once.';
    },
  );
}

/** An answer as it is kept; the errors are those of the answer as a whole. */
async function stored(sent: Sent, place: AnswerPlace): Promise<AnswerFact | Invalid> {
  const read = await textOf(sent, place);
  if (read instanceof Invalid) return new Invalid({ non_field_errors: read.tree });
  const { question } = sent;
  const chosen = isChoice(question) ? sent.options : [];
  const options = [...new Set(chosen.map(({ id }) => id))];
  return {
    question: question.id,
    answer: read,
    question_identifier: question.identifier,
    options,
    option_identifiers: options.map((id) => optionOf(question, id).identifier),
  };
}

const isChoice = ({ type }: QuestionFact): boolean => type === 'C' || type === 'M';

const optionOf = (question: QuestionFact, id: number) => question.options.find((option) => option.id === id)!;

function textOf(sent: Sent, place: AnswerPlace): string | Invalid | Promise<string | Invalid> {
  const { question, answer, options } = sent;
  if (question.type === 'F') return fileOf(answer, place);
  if (isChoice(question)) return choiceOf(sent, place);
  if (options.length > 0) return invalid('You should not specify options if the question is not of a choice type.');
  return READ[question.type]?.(answer) ?? answer;
}

/** How answers of other types than files and choices are read; all others are kept as they are. */
const READ: Readonly<Record<string, (answer: string) => string | Invalid | Promise<string | Invalid>>> = {
  B: booleanOf,
  N: (answer) => {
    const number = parseDecimal(answer, 50, 25);
    return number instanceof Invalid ? number : answer;
  },
  D: (answer) => date().parse(answer),
  H: (answer) => time().parse(answer),
  W: async (answer) => {
    const at = await datetime().parse(answer);
    return at instanceof Invalid ? at : at.replace('T', ' ').replace('Z', '+00:00');
  },
};

function booleanOf(answer: string): string | Invalid {
  if (['true', 'True', '1', 'TRUE'].includes(answer)) return 'True';
  if (['false', 'False', '0', 'FALSE'].includes(answer)) return 'False';
  return invalid('Please specify "true" or "false" for boolean questions.');
}

/** The texts of the options in the order of the request. */
function choiceOf({ question, options }: Sent, { festival, language }: AnswerPlace): string | Invalid {
  if (options.length === 0) return invalid('You need to specify options if the question is of a choice type.');
  if (question.type === 'C' && options.length > 1) {
    return invalid('You can specify at most one option for this question.');
  }
  if (options.some((option) => option.question.id !== question.id)) {
    return invalid('The specified option does not belong to this question.');
  }
  const texts = options.map(({ id }) => localize(optionOf(question, id).answer, language, festival.fact.locale));
  return [...new Set(texts)].join(', ');
}

/** What an answer calls an uploaded file, as in `file:3e4c…`; the reference looks only at what stands behind five characters. */
const PREFIX = 'file:';
const FILE_TYPES = new Set(['image/png', 'image/jpeg', 'image/gif', 'application/pdf']);

async function fileOf(answer: string, { upload }: AnswerPlace): Promise<string | Invalid> {
  const named = answer.slice(PREFIX.length);
  const id = uuidIn(named);
  if (id === undefined) return invalid(`“${named}” is not a valid UUID.`);
  const found = await upload(id);
  if (!found) return invalid(`The submitted file ID "${answer}" was not found.`);
  if (!FILE_TYPES.has(found.type)) {
    return invalid(`The submitted file "${answer}" has a file type that is not allowed in this field.`);
  }
  return `file://uploads/${id}.${found.extension}`;
}

/** A UUID in any of the forms that Python takes: with or without hyphens, in braces, as a URN. */
function uuidIn(text: string): string | undefined {
  const digits = text
    .replace(/^urn:uuid:/, '')
    .replace(/^\{+|\}+$/g, '')
    .replaceAll('-', '')
    .toLowerCase();
  const parts = /^([\da-f]{8})([\da-f]{4})([\da-f]{4})([\da-f]{4})([\da-f]{12})$/.exec(digits);
  return parts ? parts.slice(1).join('-') : undefined;
}
