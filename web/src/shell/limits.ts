// What the page says about names, passwords and files before it asks; the server decides.

/** Longest name of a person, in characters. */
export const NAME_LENGTH = 80;

/** Longest title of a document, in characters. */
export const TITLE_LENGTH = 300;

/** Longest message of a request for access, in characters. */
export const MESSAGE_LENGTH = 500;

/** Longest comment, in characters. */
export const COMMENT_LENGTH = 10_000;

/** Longest request that makes a document, in bytes. */
export const CONTENT_BYTES = 1024 * 1024;

/** Shortest password, in characters. */
export const PASSWORD_LENGTH = 8;

export const passwordHint = `At least ${PASSWORD_LENGTH} characters. A few words that nobody would guess are best.`;
