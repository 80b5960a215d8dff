import { expect, it } from "vitest";
import { deviceName } from "./devices";

it("a user agent is named by its browser and its system", () => {
  const chrome = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36";
  expect(deviceName(chrome)).toBe("Chrome on Windows");
  expect(deviceName(`${chrome} Edg/140.0`)).toBe("Edge on Windows");
  expect(deviceName("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0")).toBe("Firefox on Linux");
  const safari = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1 Version/18.0 Mobile/15E148 Safari/604.1";
  expect(deviceName(safari)).toBe("Safari on iPhone");
});

it("what is no browser is shown as it calls itself", () => {
  expect(deviceName("curl/8.5.0")).toBe("curl/8.5.0");
  expect(deviceName("")).toBe("Unknown device");
});
