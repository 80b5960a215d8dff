// Sittings by day, in the person's own time.
import type { Sitting } from "../../api/history";

export interface Day {
  /** As people say it: "Today", "26 November 2026". */
  name: string;
  sittings: Sitting[];
}

/** The sittings stay in their order. */
export function byDay(sittings: readonly Sitting[], nowMs: number, locale?: string): Day[] {
  const days: Day[] = [];
  for (const sitting of sittings) {
    const name = dayName(Date.parse(sitting.to), nowMs, locale);
    const last = days.at(-1);
    if (last?.name === name) last.sittings.push(sitting);
    else days.push({ name, sittings: [sitting] });
  }
  return days;
}

function dayName(atMs: number, nowMs: number, locale?: string): string {
  const day = new Date(atMs).toDateString();
  if (day === new Date(nowMs).toDateString()) return "Today";
  const yesterday = new Date(nowMs);
  yesterday.setDate(yesterday.getDate() - 1);
  if (day === yesterday.toDateString()) return "Yesterday";
  return new Date(atMs).toLocaleDateString(locale, { day: "numeric", month: "long", year: "numeric" });
}

export function timeOfDay(time: string, locale?: string): string {
  return new Date(time).toLocaleTimeString(locale, { hour: "numeric", minute: "2-digit" });
}

/** From when to when; one time when that is within a minute. */
export function timesOf({ from, to }: Sitting, locale?: string): string {
  const [begin, end] = [timeOfDay(from, locale), timeOfDay(to, locale)];
  return begin === end ? end : `${begin} – ${end}`;
}
