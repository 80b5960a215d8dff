// What the API says of an organisation that has moved: a sentence with addresses in it.

/** The web addresses in a sentence, without what stands after the port. */
export function addressesIn(words: string): string[] {
  return (words.match(/https?:\/\/\S+/g) ?? []).flatMap((word) => {
    try {
      return [new URL(word).origin];
    } catch {
      return [];
    }
  });
}
