import { describe, expect, it } from "vitest";
import { statusOf, statusText, type Situation } from "./status";

const calm: Situation = { ended: null, live: true, online: true, failures: 0, unsaved: 0, kept: true };

describe("the status", () => {
  it("says Saved only when everything is acknowledged", () => {
    expect(statusText(statusOf(calm))).toBe("Saved");
    expect(statusText(statusOf({ ...calm, unsaved: 1 }))).toBe("Saving…");
    expect(statusText(statusOf({ ...calm, live: false }))).toBe("Reconnecting…");
  });

  it("counts what is kept on this device while offline", () => {
    const offline = { ...calm, live: false, online: false };
    expect(statusText(statusOf({ ...offline, unsaved: 3 }))).toBe("Offline: 3 changes kept on this device");
    expect(statusText(statusOf({ ...offline, unsaved: 1 }))).toBe("Offline: 1 change kept on this device");
    expect(statusText(statusOf(offline))).toBe("Offline");
  });

  it("does not claim to keep what the browser refused to keep", () => {
    const text = statusText(statusOf({ ...calm, live: false, online: false, unsaved: 2, kept: false }));
    expect(text).toBe("Offline: 2 changes only in this tab, keep it open");
  });

  it("calls it offline after three failures, whatever the browser says of the network", () => {
    expect(statusOf({ ...calm, live: false, failures: 2 }).kind).toBe("reconnecting");
    expect(statusOf({ ...calm, live: false, failures: 3 }).kind).toBe("offline");
  });

  it("names what was not saved when the document ended", () => {
    expect(statusText(statusOf({ ...calm, live: false, ended: "no-access", unsaved: 2 }))).toBe("Not saved: 2 changes");
  });
});
