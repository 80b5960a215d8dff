// Colours as the server gives them: #rrggbb.

/** Red, green and blue, each 0 to 255; black for what is no such colour. */
export function channelsOf(color: string): [red: number, green: number, blue: number] {
  const [, red = "0", green = "0", blue = "0"] = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(color) ?? [];
  return [Number.parseInt(red, 16), Number.parseInt(green, 16), Number.parseInt(blue, 16)];
}
