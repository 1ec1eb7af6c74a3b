/*
 * What a client's decoder insists on: a shape throws for a value that the client cannot read, and says where it is. Fields that a shape
 * does not name are skipped, as all clients do.
 */

export type Shape = (value: unknown, at: string) => void;

const must =
  (be: string, is: (value: unknown) => boolean): Shape =>
  (value, at) => {
    if (!is(value)) throw new Error(`${at} must be ${be}, but is ${JSON.stringify(value)}`);
  };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text = must('a text', (value) => typeof value === 'string');
export const whole = must('a whole number', Number.isSafeInteger);
export const flag = must('a boolean', (value) => typeof value === 'boolean');
export const instant = must('an instant', (value) => typeof value === 'string' && !Number.isNaN(Date.parse(value)));
/** Anything, null too, but not left out. */
export const sent = must('sent', (value) => value !== undefined);
/** Texts by language. */
export const i18n = must('texts by language', (value) => isObject(value) && Object.values(value).length > 0);

export const oneOf = (...values: readonly string[]): Shape =>
  must(`one of ${values.join(', ')}`, (value) => values.includes(value as string));

/** May be left out or null. */
export const optional =
  (shape: Shape): Shape =>
  (value, at) => {
    if (value !== undefined && value !== null) shape(value, at);
  };

export const listOf =
  (shape: Shape): Shape =>
  (value, at) => {
    if (!Array.isArray(value)) throw new Error(`${at} must be a list, but is ${JSON.stringify(value)}`);
    value.forEach((each, i) => shape(each, `${at}[${i}]`));
  };

export const object =
  (fields: Readonly<Record<string, Shape>>): Shape =>
  (value, at) => {
    if (!isObject(value)) throw new Error(`${at} must be an object, but is ${JSON.stringify(value)}`);
    for (const [name, shape] of Object.entries(fields)) shape(value[name], `${at}.${name}`);
  };

/** A page whose link to the next one, if there is one, can be followed as it is. */
export const pageOf = (shape: Shape): Shape =>
  object({
    count: whole,
    next: (value, at) => {
      sent(value, at);
      if (value !== null) must('an absolute URL', (url) => /^https?:/.test(String(url)))(value, at);
    },
    results: listOf(shape),
  });
