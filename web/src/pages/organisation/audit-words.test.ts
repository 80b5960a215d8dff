import { describe, expect, it } from "vitest";
import { sentenceOf } from "./audit-words";
import type { AuditEntry } from "../../api/organisations";

const ada = { account_id: "a", name: "Ada", color: "#112233" };
const grace = { account_id: "g", name: "Grace", color: "#112233" };
const names = { groups: new Map([["g1", "Editors"]]), documents: new Map([["d1", "Plan"]]) };

function entry(action: string, parts: Partial<AuditEntry> = {}): AuditEntry {
  return {
    audit_id: 1,
    created_at: "2026-01-01T00:00:00Z",
    action,
    actor: ada,
    account: null,
    document_id: null,
    folder_id: null,
    address: null,
    database_role: "quire",
    detail: {},
    ...parts,
  };
}

describe("an entry of the audit log", () => {
  it("says who did what to whom", () => {
    const said = sentenceOf(entry("member_changed", { account: grace, detail: { role: "admin", former_role: "member" } }), names);
    expect(said).toBe("Ada changed the role of Grace from member to admin");
    expect(sentenceOf(entry("member_removed", { account: ada }), names)).toBe("Ada left the organisation");
    expect(sentenceOf(entry("member_added", { account: grace, actor: grace, detail: { role: "guest" } }), names)).toBe("Grace joined as guest");
  });

  it("names groups and documents that are known, and others in general", () => {
    const shared = entry("grant_added", { document_id: "d1", detail: { role: "comment", group_id: "g1" } });
    expect(sentenceOf(shared, names)).toBe("Ada let the group Editors comment on “Plan”");
    const gone = { groups: new Map<string, string>(), documents: new Map<string, string>() };
    expect(sentenceOf(shared, gone)).toBe("Ada let a group comment on a document");
  });

  it("says of what nobody did only what holds", () => {
    const given = entry("grant_added", { actor: null, document_id: "d1", detail: { role: "edit", everyone: true } });
    expect(sentenceOf(given, names)).toBe("Everyone in the organisation may edit “Plan”");
  });

  it("tells a link that somebody revoked from one whose time was over", () => {
    expect(sentenceOf(entry("share_link_revoked", { document_id: "d1" }), names)).toBe("Ada revoked a link to “Plan”");
    expect(sentenceOf(entry("share_link_revoked", { document_id: "d1", actor: null }), names)).toBe("A link to “Plan” expired");
  });

  it("of an unknown kind is still shown", () => {
    expect(sentenceOf(entry("key_turned"), names)).toBe("Ada: key turned");
  });
});
