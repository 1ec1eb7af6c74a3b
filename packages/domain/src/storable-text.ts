/** In Unicode mode a surrogate pair is one character, so this matches lone surrogates only. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether PostgreSQL and JSON can store a text: it has no NUL and no lone surrogate. */
export const isStorable = (text: string): boolean => !text.includes('\0') && !LONE_SURROGATE.test(text);
