// Finding people and groups by what somebody types.

export interface Item {
  key: string;
  name: string;
  /** What else tells them apart: a mail address. */
  more: string | null;
}

/** Most that are offered at once. */
const MOST = 7;

/** Those one of whose words begins with the text first, then those that contain it. */
export function found<T extends Item>(items: readonly T[], text: string): T[] {
  const needle = folded(text.trim());
  const ranked = items.map((item) => ({ item, rank: rankOf(item, needle) })).filter(({ rank }) => rank > 0);
  ranked.sort((a, b) => b.rank - a.rank || a.item.name.localeCompare(b.item.name));
  return ranked.slice(0, MOST).map(({ item }) => item);
}

function rankOf({ name, more }: Item, needle: string): number {
  const words = folded(name);
  if (words.startsWith(needle)) return 3;
  if (words.split(/\s+/).some((word) => word.startsWith(needle)) || folded(more ?? "").startsWith(needle)) return 2;
  return words.includes(needle) ? 1 : 0;
}

/** Without case and accents: "zoe" finds "Zoë". */
function folded(text: string): string {
  return text.normalize("NFD").replace(/\p{Mn}/gu, "").toLocaleLowerCase();
}
