// What the page says about names and passwords before it asks; the server decides.

/** Longest name of a person, in characters. */
export const NAME_LENGTH = 80;

/** Shortest password, in characters. */
export const PASSWORD_LENGTH = 8;

export const passwordHint = `At least ${PASSWORD_LENGTH} characters. A few words that nobody would guess are best.`;
