import { describe, expect, it } from "vitest";
import { FileProblem, firstHeading, fromPlainText, readFile } from "./import";

describe("the title of an imported file", () => {
  it("is its first heading, without marks", () => {
    expect(firstHeading("words\n\n## The *first* [one](https://example.org) ##\n\n# Later")).toBe("The first one");
    expect(firstHeading("Under a line\n===\n\n# Later")).toBe("Under a line");
    expect(firstHeading("# snake_case and \\*stars\\*")).toBe("snake_case and *stars*");
  });

  it("is no line of code, and no empty heading", () => {
    expect(firstHeading("```sh\n# a comment\n```\n#\n\n# Heading")).toBe("Heading");
    expect(firstHeading("- item\n---\n#hashtag")).toBe(null);
  });

  it("is the name of the file when it has no heading", async () => {
    expect((await readFile(new File(["just words"], "Minutes of May.md"))).title).toBe("Minutes of May");
    expect((await readFile(new File(["# no Markdown"], "notes.txt"))).title).toBe("notes");
  });
});

describe("a file", () => {
  it("of plain text means what it says", () => {
    expect(fromPlainText("# 1. *a*\r\n  b")).toBe("\\# 1\\. \\*a\\*\n\n&#32;&#32;b");
  });

  it("that is too large or no text is refused by name", async () => {
    const files = [
      new File(["x".repeat(1024 * 1024 + 1)], "long.md"),
      new File(["\n".repeat(600 * 1024)], "long as JSON.md"),
      new File([new Uint8Array([0xff, 0xfe, 0x41])], "picture.md"),
      new File(["a\0b"], "program.md"),
    ];
    for (const file of files) {
      const refused: unknown = await readFile(file).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(FileProblem);
      expect((refused as FileProblem).message).toContain(file.name);
    }
  });
});
