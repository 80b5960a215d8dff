// A text file as what a new document is made of: its title, and its content in Markdown.
import { CONTENT_BYTES, TITLE_LENGTH } from "../shell/limits";

export interface ImportedFile {
  title: string;
  markdown: string;
}

/** What is wrong with a file, as a sentence that names it. */
export class FileProblem extends Error {}

export async function readFile(file: File): Promise<ImportedFile> {
  if (file.size > CONTENT_BYTES) throw tooLarge(file.name);
  const text = decoded(file.name, await file.arrayBuffer().catch(() => null));
  const isMarkdown = !/\.txt$/i.test(file.name);
  const markdown = isMarkdown ? text : fromPlainText(text);
  const title = (isMarkdown ? firstHeading(text) : null) ?? nameWithoutEnding(file.name);
  const imported = { title: Array.from(title).slice(0, TITLE_LENGTH).join("").trim(), markdown };
  if (new TextEncoder().encode(JSON.stringify(imported)).length > CONTENT_BYTES) throw tooLarge(file.name);
  return imported;
}

function decoded(name: string, bytes: ArrayBuffer | null): string {
  if (bytes === null) throw new FileProblem(`“${name}” cannot be read.`);
  let text: string;
  try {
    // A mark of the byte order at its start is left out.
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileProblem(`“${name}” is not a text in UTF-8.`);
  }
  if (text.includes("\0")) throw new FileProblem(`“${name}” is not a text.`);
  return text;
}

function tooLarge(name: string): FileProblem {
  return new FileProblem(`“${name}” is too large: a document can be made of 1 MiB of text at most.`);
}

/** The words of the first heading outside of code; null: there is none. */
export function firstHeading(markdown: string): string | null {
  let fence: string | null = null;
  let before = "";
  for (const line of markdown.split(/\r\n?|\n/)) {
    const [, mark] = /^ {0,3}(`{3,}|~{3,})/.exec(line) ?? [];
    if (mark !== undefined) {
      if (fence === null) fence = mark;
      else if (mark.startsWith(fence)) fence = null;
    } else if (fence === null) {
      const [, words] = /^ {0,3}#{1,6}[ \t]+(.*?)(?:[ \t]+#+)?[ \t]*$/.exec(line) ?? [];
      const isUnderline = /^ {0,3}(=+|-+)[ \t]*$/.test(line) && /^ {0,3}[^\s>#\-*+]/.test(before);
      const heading = plain(words ?? (isUnderline ? before : ""));
      if (heading !== "") return heading;
    }
    before = line;
  }
  return null;
}

/** Without the marks of Markdown. */
function plain(line: string): string {
  return line
    .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/(?<!\\)[*`~]+|(?<![\\\w])_+|(?<!\\)_+(?!\w)/g, "")
    .replace(/\\([!-/:-@[-`{-~])/g, "$1")
    .trim();
}

/** Markdown that says just these lines: nothing in them means anything else. */
export function fromPlainText(text: string): string {
  const lines = text.split(/\r\n?|\n/);
  return lines.map(escaped).join("\n\n");
}

function escaped(line: string): string {
  const reference = (white: string): string => white.replaceAll("\t", "&#9;").replaceAll(" ", "&#32;");
  return line.replace(/[!-/:-@[-`{-~]/g, "\\$&").replace(/^[ \t]+|[ \t]+$/g, reference);
}

function nameWithoutEnding(name: string): string {
  const stem = name.replace(/\.[^.]*$/, "").trim();
  return stem === "" ? "Untitled document" : stem;
}
