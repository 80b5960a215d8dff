// Figures as a person reads them.

const BYTES = ["B", "KiB", "MiB", "GiB", "TiB"];

/** 1536 is "1.5 KiB". */
export function bytesText(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 1024 && unit < BYTES.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${short(value)} ${BYTES[unit] ?? "B"}`;
}

/** 1500 is "1.5 s"; up to a second in milliseconds. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms).toString()} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${short(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60).toString()} min`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600).toString()} h`;
  return `${Math.floor(seconds / 86_400).toString()} d`;
}

/** Three figures at most before the unit. */
export function short(value: number): string {
  if (value >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString("en");
  return value >= 10 ? value.toFixed(1).replace(/\.0$/, "") : value.toFixed(2).replace(/\.?0+$/, "");
}
