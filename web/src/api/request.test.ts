import { describe, expect, it } from "vitest";
import { ApiError, refusal } from "./request";

describe("a refusal", () => {
  it("names the field that the server named, and says the rest as a sentence", () => {
    const error = refusal(400, "email: is not a mail address");
    expect([error.field, error.message]).toEqual(["email", "Is not a mail address."]);
  });

  it("belongs to no field when none is named", () => {
    const error = refusal(401, "the mail address or the password is wrong");
    expect([error.field, error.message]).toEqual([null, "The mail address or the password is wrong."]);
  });

  it("is told from a server that cannot be reached", () => {
    expect(new ApiError(0, "").isUnreachable).toBe(true);
    expect(new ApiError(503, "").isUnreachable).toBe(true);
    expect(refusal(404, "there is no such document").isUnreachable).toBe(false);
  });
});
