import { fieldError } from './errors';
import { parseUrlEncoded, type Fields } from './fields';
import { unstorable } from './python';

/** A request line has fewer parameters than this; node refuses longer ones. */
const MAX_PARAMETERS = 20_000;

/**
 * The parameters of a URL. Only those that a route reads are checked, so unknown ones are ignored whatever they contain;
 * reading one with a NUL throws its 400 (contract, Transport).
 */
export class Query {
  #fields: Fields | undefined;

  /** `text` is the encoded query, without its question mark. */
  constructor(readonly text: string) {}

  /** All parameters as they are, for links. */
  get fields(): Fields {
    return (this.#fields ??= parseUrlEncoded(this.text, MAX_PARAMETERS)!);
  }

  /** The last value given; undefined when the parameter is absent. */
  get(name: string): string | undefined {
    if (this.text === '') return undefined;
    const value = this.fields.get(name);
    const [wrong] = value === undefined ? [] : unstorable(value);
    if (wrong !== undefined) throw fieldError(name, wrong);
    return value;
  }
}
