// Colours that tell authors apart where only a tint of each is behind their words.
import { channelsOf } from "../../shell/color";
import type { Account } from "../../sync/account";

/** Degrees between two hues below which their tints look the same. */
const NEAR = 35;
/** White is readable on each of them. */
const SPREAD: readonly string[] = ["#1d4ed8", "#c2410c", "#15803d", "#a21caf", "#0e7490", "#b91c1c", "#4d7c0f", "#6d28d9"];

/** Each author in their own colour, and in another where it is too near to that of somebody before. */
export function toldApart(authors: readonly Account[]): Account[] {
  const taken: (number | null)[] = [];
  const nearest = (color: string): number => Math.min(...taken.map((hue) => between(hue, hueOf(color))));
  return authors.map((author) => {
    const isFree = nearest(author.color) >= NEAR;
    // Of several as far away, the first.
    const color = isFree ? author.color : SPREAD.reduce((best, each) => (nearest(each) > nearest(best) ? each : best));
    taken.push(hueOf(color));
    return { ...author, color };
  });
}

/** Greys have no hue, and are near to each other alone. */
function between(one: number | null, other: number | null): number {
  if (one === null || other === null) return one === other ? 0 : 180;
  const distance = Math.abs(one - other);
  return Math.min(distance, 360 - distance);
}

/** In degrees, of #rrggbb. */
function hueOf(color: string): number | null {
  const [r, g, b] = channelsOf(color);
  const most = Math.max(r, g, b);
  const chroma = most - Math.min(r, g, b);
  if (chroma === 0) return null;
  const sector = most === r ? (g - b) / chroma : most === g ? (b - r) / chroma + 2 : (r - g) / chroma + 4;
  return (sector * 60 + 360) % 360;
}
