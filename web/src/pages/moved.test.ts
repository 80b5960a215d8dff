import { describe, expect, it } from "vitest";
import { addressesIn } from "./moved";

describe("where an organisation has moved", () => {
  it("is every web address that is named, and nothing else", () => {
    const words = "this organisation has moved to http://127.0.0.1:4401 https://new.example/x javascript:alert(1) http://";
    expect(addressesIn(words)).toEqual(["http://127.0.0.1:4401", "https://new.example"]);
  });
});
