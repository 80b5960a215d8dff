import { describe, expect, it } from "vitest";
import { documentPath, folderPath, organisationPath, parseRoute, signInPath } from "./route";

const ORG = "6e2c1b9e-6d26-4a5d-9d57-0c4a4a2d9a01";
const DOCUMENT = "0b0d6f6e-3c5c-4f0a-8a3f-1f2e3d4c5b6a";

function parse(address: string): ReturnType<typeof parseRoute> {
  const { pathname, hash } = new URL(address, "https://quire.example");
  return parseRoute(pathname, hash);
}

describe("an address", () => {
  it("is the page that its builder meant", () => {
    expect(parse(documentPath(ORG, DOCUMENT))).toEqual({ page: "document", orgId: ORG, documentId: DOCUMENT });
    expect(parse(organisationPath(ORG, "audit"))).toEqual({ page: "organisation", orgId: ORG, tab: "audit" });
    expect(parse(folderPath(ORG, DOCUMENT))).toEqual({ page: "folder", orgId: ORG, folderId: DOCUMENT });
    expect(parse("/sign-up")).toEqual({ page: "sign-up" });
    expect(parse("/share#secret")).toEqual({ page: "share", token: "secret" });
    expect(parse("/elsewhere")).toEqual({ page: "unknown" });
  });

  it("of signing in leads back to the page that was wanted", () => {
    for (const next of ["/", "/#bin", "/account", "/share#secret", documentPath(ORG, DOCUMENT), organisationPath(ORG, "groups"), folderPath(ORG, DOCUMENT)]) {
      expect(parse(signInPath(next))).toEqual({ page: "sign-in", next });
    }
  });

  it("of signing in leads nowhere else", () => {
    for (const next of ["https://evil.example/", "//evil.example", "javascript:alert(1)", "/sign-in#/account", "/welcome#x"]) {
      expect(parse(`/sign-in#${next}`)).toEqual({ page: "sign-in", next: "/" });
    }
  });
});
