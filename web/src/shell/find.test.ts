import { describe, expect, it } from "vitest";
import { found, type Item } from "./find";

const people: Item[] = ["Grace Hopper", "Ada Lovelace", "Zoë Adams", "Hedy Lamarr"].map((name) => ({
  key: name,
  name,
  more: name === "Hedy Lamarr" ? "adhoc@example.org" : null,
}));

const names = (text: string): string[] => found(people, text).map((item) => item.name);

describe("finding people", () => {
  it("puts those whose name begins with it first, then those with such a word or address, then the rest", () => {
    expect(names("ad")).toEqual(["Ada Lovelace", "Hedy Lamarr", "Zoë Adams"]);
    expect(names("rr")).toEqual(["Hedy Lamarr"]);
    expect(names("nobody")).toEqual([]);
  });

  it("does not care for case and accents", () => {
    expect(names("ZOE")).toEqual(["Zoë Adams"]);
  });

  it("offers all in order when nothing is typed", () => {
    expect(names("")).toEqual(["Ada Lovelace", "Grace Hopper", "Hedy Lamarr", "Zoë Adams"]);
  });
});
