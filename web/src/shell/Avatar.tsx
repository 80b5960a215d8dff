// A person as initials on their colour.
import { channelsOf } from "./color";

export interface AvatarProps {
  name: string;
  color: string;
  size?: "small" | "large";
}

export function Avatar({ name, color, size = "small" }: AvatarProps) {
  return (
    <span className={`avatar ${size}`} style={{ backgroundColor: color, color: textOn(color) }} title={name} role="img" aria-label={name}>
      {initialsOf(name)}
    </span>
  );
}

/** First letters of the first and the last word. */
export function initialsOf(name: string): string {
  const words = name.trim().split(/\s+/).filter((word) => word !== "");
  const first = firstLetter(words[0]);
  const last = words.length > 1 ? firstLetter(words.at(-1)) : "";
  return first === "" ? "?" : (first + last).toLocaleUpperCase();
}

function firstLetter(word: string | undefined): string {
  // By what a reader takes for one character, so that none is cut in half.
  return word === undefined ? "" : (new Intl.Segmenter().segment(word).containing(0)?.segment ?? "");
}

/** Black or white, whichever is easier to read on a #rrggbb colour. */
export function textOn(color: string): string {
  const [red, green, blue] = channelsOf(color);
  const [r, g, b] = [linear(red / 255), linear(green / 255), linear(blue / 255)];
  const luminance = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return luminance > 0.3 ? "#1b1a18" : "#ffffff";
}

function linear(channel: number): number {
  return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
}
