// Lines of charts as paths. Pure: values and a box in, an SVG path out.

export interface Point {
  /** Milliseconds since 1970. */
  at: number;
  value: number;
}

export interface Box {
  width: number;
  height: number;
  /** What stands at the left and right edge. */
  from: number;
  to: number;
  /** What stands at the upper edge; zero stands at the lower one. */
  top: number;
}

/** A round number of `unit` that no value exceeds: 1, 2 or 5 with zeros, and `least` at least. */
export function topOf(points: readonly Point[], least: number, unit = 1): number {
  const highest = Math.max(least, ...points.map((point) => point.value)) / unit;
  const magnitude = 10 ** Math.floor(Math.log10(highest));
  const step = [1, 2, 5, 10].find((factor) => factor * magnitude >= highest) ?? 10;
  return step * magnitude * unit;
}

/** Empty without two points. */
export function lineOf(points: readonly Point[], box: Box): string {
  const shown = points.filter((point) => point.at >= box.from);
  if (shown.length < 2) return "";
  return shown.map((point, index) => `${index === 0 ? "M" : "L"}${place(point, box)}`).join("");
}

/** The same down to the lower edge, to be filled. */
export function areaOf(points: readonly Point[], box: Box): string {
  const shown = points.filter((point) => point.at >= box.from);
  const [first, last] = [shown[0], shown.at(-1)];
  const line = lineOf(points, box);
  if (line === "" || first === undefined || last === undefined) return "";
  const floor = (point: Point): string => place({ at: point.at, value: 0 }, box);
  return `${line}L${floor(last)}L${floor(first)}Z`;
}

function place({ at, value }: Point, { width, height, from, to, top }: Box): string {
  const x = ((at - from) / Math.max(1, to - from)) * width;
  const y = height - (Math.min(value, top) / top) * height;
  return `${x.toFixed(1)} ${y.toFixed(1)}`;
}
