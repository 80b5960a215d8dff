import { describe, expect, it } from "vitest";
import { mayChange, rolesGivenBy } from "./roles";

describe("roles", () => {
  it("are given only up to one's own, and by guests not at all", () => {
    expect(rolesGivenBy("owner")).toContain("owner");
    expect(rolesGivenBy("admin")).not.toContain("owner");
    expect(rolesGivenBy("member")).toEqual(["member", "guest"]);
    expect(rolesGivenBy("guest")).toEqual([]);
  });

  it("of owners are changed by owners only", () => {
    expect(mayChange("owner", "owner")).toBe(true);
    expect(mayChange("admin", "owner")).toBe(false);
    expect(mayChange("admin", "admin")).toBe(true);
    expect(mayChange("member", "guest")).toBe(false);
  });
});
