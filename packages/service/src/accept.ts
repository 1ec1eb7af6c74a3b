import { Recent } from '@gatehouse/eventing/recent';

const answers = new Recent<boolean>(500);

/** Whether an Accept header allows JSON; an absent or empty one allows everything (contract §1.4). */
export function acceptsJson(header: string | undefined): boolean {
  if (header === undefined || header === '*/*' || header === 'application/json' || header === '') return true;
  const known = answers.get(header);
  if (known !== undefined) return known;
  const answer = header.split(',').some(rangeTakesJson);
  if (header.length <= 500) answers.set(header, answer);
  return answer;
}

/** Whether an Accept header allows a media type, as in `application/pdf`, or JSON, which errors are. */
export function acceptsEither(header: string | undefined, type: string): boolean {
  return (
    acceptsJson(header) || header!.split(',').some((range) => range.split(';', 1)[0]!.trim().toLowerCase() === type)
  );
}

/** Weights are ignored, as in the reference: `application/json;q=0` allows JSON. */
function rangeTakesJson(range: string): boolean {
  const [type, subtype, more] = range.split(';', 1)[0]!.trim().toLowerCase().split('/');
  if (more !== undefined) return false;
  return (type === '*' || type === 'application') && (subtype === '*' || subtype === 'json');
}
