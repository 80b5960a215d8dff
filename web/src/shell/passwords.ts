// What the page says about passwords; the server decides.

/** Shortest password, in characters; the server's limit. */
export const PASSWORD_LENGTH = 8;

export const passwordHint = `At least ${PASSWORD_LENGTH} characters. A few words that nobody would guess are best.`;
