/* The files that a ticket layout shows are known by names: that of the background, and those of its images. */

/** Longer names are none of files. */
const MOST_CHARACTERS = 255;

/** The name of the background of a layout: what comes last in the URL or path under which the shop has it. Null: there is none. */
export function backgroundName(link: string | null | undefined): string | null {
  const last = (link ?? '')
    .replace(/[?#].*$/s, '')
    .split('/')
    .at(-1)!;
  return nameOrNull(decoded(last));
}

/** The names of the images that a layout's elements show: their contents. The layout is a list, or the same as JSON text. */
export function imageNames(layout: unknown): string[] {
  const names = elementsOf(layout).flatMap((element) => {
    if (typeof element !== 'object' || element === null) return [];
    const { type, content } = element as { type?: unknown; content?: unknown };
    return type === 'imagearea' && typeof content === 'string' ? (nameOrNull(content) ?? []) : [];
  });
  return [...new Set(names)];
}

function elementsOf(layout: unknown): readonly unknown[] {
  if (Array.isArray(layout)) return layout;
  if (typeof layout !== 'string') return [];
  try {
    const parsed: unknown = JSON.parse(layout);
    return Array.isArray(parsed) ? parsed : [];
  } catch {
    return [];
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

const nameOrNull = (name: string): string | null => (name === '' || name.length > MOST_CHARACTERS ? null : name);
