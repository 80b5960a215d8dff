// How one figure went in the last minutes: the newest in words, the rest as a line.
import { areaOf, lineOf, topOf, type Point } from "./plot";

const WIDTH = 300;
const HEIGHT = 84;
/** How much of the past is shown. */
export const SPAN_MS = 180_000;

export interface ChartProps {
  title: string;
  points: readonly Point[];
  /** The figure in words. */
  text: (value: number) => string;
  /** The chart is at least so high, so that a small figure looks small. */
  least: number;
  /** Its top is a round number of these. */
  unit?: number;
}

export function Chart({ title, points, text, least, unit = 1 }: ChartProps) {
  const newest = points.at(-1);
  const to = newest?.at ?? 0;
  const shown = points.filter((point) => point.at >= to - SPAN_MS);
  const top = topOf(shown, least, unit);
  const box = { width: WIDTH, height: HEIGHT, from: to - SPAN_MS, to, top };
  const now = newest === undefined ? "–" : text(newest.value);
  const highest = shown.length === 0 ? 0 : Math.max(...shown.map((point) => point.value));
  return (
    <figure className="chart">
      <figcaption>
        <span>{title}</span>
        <strong>{now}</strong>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH.toString()} ${HEIGHT.toString()}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${title} in the last three minutes: now ${now}, at most ${text(highest)}`}
      >
        <path className="chart-area" d={areaOf(shown, box)} />
        <path className="chart-line" d={lineOf(shown, box)} vectorEffect="non-scaling-stroke" />
      </svg>
      <div className="chart-scale" aria-hidden="true">
        <span>3 min ago</span>
        <span>top {text(top)}</span>
        <span>now</span>
      </div>
    </figure>
  );
}
