// Times of the server in the person's words.

const STEPS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["minute", 60],
  ["hour", 3_600],
  ["day", 86_400],
];

export function timeAgo(time: string, nowMs: number, locale?: string): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return "";
  // A clock that is a little wrong must not show an edit of the future.
  const seconds = Math.max(0, (nowMs - at) / 1000);
  if (seconds < 60) return "just now";
  if (seconds > 7 * 86_400) {
    return new Date(at).toLocaleDateString(locale, { day: "numeric", month: "short", year: "numeric" });
  }
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const [unit, length] = STEPS.findLast(([, size]) => seconds >= size) ?? ["minute", 60];
  return relative.format(-Math.floor(seconds / length), unit);
}

export function timeInFull(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? "" : new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
}
