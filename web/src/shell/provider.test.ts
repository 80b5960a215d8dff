import { describe, expect, it } from "vitest";
import { outcomeOf, wordsFor } from "./provider";

describe("coming back from the provider", () => {
  it("is told from every other way to the page", () => {
    expect(outcomeOf("#oidc=unknown")).toBe("unknown");
    for (const hash of ["", "#/account", "#oidc=", "#oidc=<b>", "#oidc=done&x", "#x#oidc=done"]) {
      expect(outcomeOf(hash)).toBeNull();
    }
  });

  it("has words for everything that went wrong, and none for what went well", () => {
    for (const outcome of ["cancelled", "late", "away", "refused", "unknown", "used", "taken", "new"]) {
      expect(wordsFor(outcome)).toMatch(/\.$/);
    }
    expect(wordsFor("done")).toBeNull();
    expect(wordsFor("linked")).toBeNull();
  });
});
