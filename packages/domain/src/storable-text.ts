/** In Unicode mode a pair is one character, so this meets only halves without their other half. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether PostgreSQL and JSON can hold a text: without NUL, and without half a surrogate pair. */
export const isStorable = (text: string): boolean => !text.includes('\0') && !LONE_SURROGATE.test(text);
