import { expect, it } from "vitest";
import { byWholeName } from "./folder-names";
import type { Folder } from "../api/folders";

function folder(folder_id: string, name: string, parent_id: string | null): Folder {
  return { folder_id, name, parent_id, role: "edit", may_manage: true, created_at: "2026-01-01T00:00:00Z" };
}

it("folders are named with those above that are known, in that order", () => {
  const folders = [folder("c", "Drafts", "b"), folder("b", "Press", null), folder("d", "Drafts", "unknown")];
  expect(byWholeName(folders).map(({ label }) => label)).toEqual(["Drafts", "Press", "Press / Drafts"]);
});
