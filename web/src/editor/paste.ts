// What is pasted as HTML, written anew as the blocks that the page has, before the browser parses it: its parser
// would take in handlers, styles and addresses that the page's policy then has to stop. Lists, quotes and code
// become what blocks are; what looks bold or struck out by its style alone becomes an element that says so.
import { Parser } from "htmlparser2";
import { isAllowedHref } from "./links";

const INLINE = new Set(["a", "b", "code", "del", "em", "i", "s", "span", "strike", "strong", "u"]);
/** Each of these begins a block and ends one. */
const BLOCKS = new Set([
  "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption",
  "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "html", "li", "main", "nav", "ol", "p", "pre",
  "section", "summary", "table", "tbody", "tfoot", "thead", "tr", "ul",
]);
/** These are a block even when nothing stands in them. */
const NEVER_NONE = /^(p|h[1-6]|li|pre)$/;
/** What stands in these is not for readers. */
const UNREAD = new Set([
  "applet", "audio", "canvas", "embed", "frameset", "head", "iframe", "math", "noscript", "object", "script", "select",
  "style", "svg", "template", "textarea", "title", "video",
]);
const LANGUAGE = /(?:^|\s)language-([\w+#.-]{1,40})(?:\s|$)/;
const PARTS = /^\d{1,3} \d{1,3}( -\d{1,3})? /;

type Attributes = Record<string, string>;
type Keys = Record<string, string | number | boolean>;
/** An element that is open, and how many blocks there were when it began. */
type Open = { name: string; blocks: number; start: number | null; task: boolean | null; isBegun: boolean; lang: string };

export function cleanHtml(html: string): string {
  const cleaner = new Cleaner(/\sdata-pm-slice=/.test(html));
  const parser = new Parser({
    onopentag: (name, attributes) => { cleaner.open(name, attributes); },
    ontext: (text) => { cleaner.text(text); },
    onclosetag: (name) => { cleaner.close(name); },
  }, { lowerCaseTags: true, decodeEntities: true });
  parser.write(html);
  parser.end();
  return cleaner.written();
}

class Cleaner {
  private readonly blocks: string[] = [];
  private readonly frames: Open[] = [];
  /** Elements within a line that are open, by the start of each; one of others has none. */
  private readonly inline: { name: string; starts: string[] }[] = [];
  private block: { keys: Keys; html: string; isEmpty: boolean } | null = null;
  private unread = 0;
  private hasBlocks = false;
  private parts = "";

  constructor(private readonly isOurs: boolean) {}

  open(name: string, attributes: Attributes): void {
    if (UNREAD.has(name)) this.unread += 1;
    if (this.unread > 0) return;
    const { "data-pm-slice": parts = "", style = "" } = attributes;
    if (this.parts === "" && PARTS.test(parts)) this.parts = parts;
    if (BLOCKS.has(name)) {
      this.begin(name, attributes);
    } else if (name === "br") {
      this.put("<br>");
    } else if (name === "hr") {
      this.end();
      this.add("<hr>");
    } else if (name === "td" || name === "th") {
      if (this.block !== null && !this.block.isEmpty) this.put("\t");
    } else if (name === "input" && attributes["type"] === "checkbox") {
      this.task(attributes["checked"] !== undefined);
    } else if (INLINE.has(name)) {
      const isPre = name === "code" && this.isWithin("pre");
      if (isPre) this.language(attributes["class"] ?? "");
      const starts = name === "span" || isPre ? [] : [element(name, attributes)];
      if (isPlainBold(name, style)) starts.shift();
      starts.push(...shown(style));
      this.inline.push({ name, starts });
      if (this.block !== null) this.block.html += starts.map((start) => `<${start}>`).join("");
    }
  }

  text(text: string): void {
    if (this.unread > 0) return;
    if (this.isWithin("pre")) {
      text.replace(/\r\n?/g, "\n").split("\n").forEach((line, number) => {
        if (number > 0) {
          this.line();
          this.end();
        }
        if (line !== "") this.put(escaped(line));
      });
      return;
    }
    const isStart = this.block === null || this.block.isEmpty;
    const words = this.isOurs ? text : text.replace(/[ \t\r\n\f]+/g, " ");
    const rest = isStart && !this.isOurs ? words.replace(/^ /, "") : words;
    if (rest !== "") this.put(escaped(rest));
  }

  close(name: string): void {
    if (UNREAD.has(name)) this.unread -= 1;
    if (this.unread > 0 || UNREAD.has(name)) return;
    if (BLOCKS.has(name)) {
      const at = this.frames.findLastIndex((frame) => frame.name === name);
      const frame = this.frames[at];
      if (frame === undefined) return;
      if (frame.blocks === this.blocks.length && NEVER_NONE.test(name)) this.line();
      this.end();
      this.frames.length = at;
    } else {
      const at = this.inline.findLastIndex((open) => open.name === name);
      const [open] = at < 0 ? [] : this.inline.splice(at, 1);
      if (this.block !== null && open !== undefined) this.block.html += ends(open.starts);
    }
  }

  written(): string {
    if (!this.hasBlocks) return this.block === null ? "" : this.block.html + this.endsOfAll();
    this.end();
    const [first = "", ...rest] = this.blocks;
    const parts = this.parts === "" ? "" : ` data-pm-slice="${escaped(this.parts)}"`;
    return [first.replace(/^<(\w+)/, `<$1${parts}`), ...rest].join("");
  }

  private begin(name: string, attributes: Attributes): void {
    this.hasBlocks = true;
    this.end();
    if (name === "div" && attributes["data-thing"] !== undefined) {
      this.add(`<div data-thing data-keys="${escaped(attributes["data-keys"] ?? "")}"></div>`);
    }
    const start = name === "ol" ? Number.parseInt(attributes["start"] ?? "1", 10) : NaN;
    const isTask = attributes["data-type"] === "taskItem";
    this.frames.push({
      name,
      blocks: this.blocks.length,
      start: Number.isSafeInteger(start) && start !== 1 ? start : null,
      task: isTask ? attributes["data-checked"] === "true" : null,
      isBegun: false,
      lang: "",
    });
  }

  private isWithin(name: string): boolean {
    return this.frames.some((frame) => frame.name === name);
  }

  private language(classes: string): void {
    const frame = this.frames.findLast(({ name }) => name === "pre");
    const lang = LANGUAGE.exec(classes)?.[1];
    if (frame !== undefined && lang !== undefined) frame.lang = lang;
  }

  private task(isChecked: boolean): void {
    const item = this.frames.findLast(({ name }) => name === "li");
    if (item === undefined) return;
    item.task ??= isChecked;
    if (this.block?.isEmpty === true && this.block.keys["list"] !== undefined) this.block.keys = { ...this.block.keys, list: "task", ...(isChecked ? { checked: true } : {}) };
  }

  private put(html: string): void {
    this.line();
    if (this.block === null) return;
    this.block.html += html;
    this.block.isEmpty = false;
  }

  /** Begins a block, if none is open. */
  private line(): void {
    if (this.block !== null) return;
    const starts = this.inline.flatMap((open) => open.starts);
    this.block = { keys: this.keys(), html: starts.map((start) => `<${start}>`).join(""), isEmpty: true };
  }

  private keys(): Keys {
    const keys: Keys = {};
    const lists = this.frames.filter(({ name }) => name === "ul" || name === "ol");
    const quote = this.frames.filter(({ name }) => name === "blockquote").length;
    const item = this.frames.findLast(({ name }) => name === "li");
    let indent = Math.max(lists.length, item === undefined ? 0 : 1);
    if (item !== undefined && !item.isBegun) {
      item.isBegun = true;
      indent -= 1;
      const list = lists.at(-1);
      if (item.task !== null) Object.assign(keys, { list: "task", ...(item.task ? { checked: true } : {}) });
      else keys["list"] = list?.name === "ol" ? "ordered" : "bullet";
      if (list?.start != null) keys["start"] = list.start;
      if (list !== undefined) list.start = null;
    }
    for (const { name, lang } of this.frames) {
      if (/^h[1-6]$/.test(name)) Object.assign(keys, { type: "heading", level: Number(name[1]) });
      if (name !== "pre") continue;
      Object.assign(keys, { type: "code" }, lang === "" ? {} : { lang });
      // A line of code is no item.
      if (keys["list"] !== undefined) indent += 1;
      delete keys["list"];
    }
    if (indent > 0) keys["indent"] = indent;
    if (quote > 0) keys["quote"] = quote;
    return keys;
  }

  private end(): void {
    const { block } = this;
    if (block === null) return;
    this.block = null;
    const isCode = block.keys["type"] === "code";
    // A break at the end of a block is none, nor is a space.
    const html = isCode || this.isOurs ? block.html : block.html.replace(/ $/, "").replace(/<br>$/, "");
    const keys = Object.keys(block.keys).length === 0 ? "" : ` data-keys="${escaped(JSON.stringify(block.keys))}"`;
    if (!block.isEmpty || NEVER_NONE.test(this.frames.at(-1)?.name ?? "")) this.add(`<p${keys}>${html}${this.endsOfAll()}</p>`);
  }

  private add(html: string): void {
    this.hasBlocks = true;
    this.blocks.push(html);
  }

  private endsOfAll(): string {
    return [...this.inline].reverse().map(({ starts }) => ends(starts)).join("");
  }
}

function ends(starts: readonly string[]): string {
  return [...starts].reverse().map((start) => `</${start.split(" ")[0] ?? start}>`).join("");
}

function element(name: string, { href }: Attributes): string {
  return name === "a" && isAllowedHref(href) ? `a href="${escaped(href)}"` : name;
}

/** Elements for what a style shows. */
function shown(style: string): string[] {
  const is = (pattern: RegExp): boolean => pattern.test(style);
  return [
    ...(is(/font-weight:\s*(bold|bolder|[6-9]00)/i) ? ["strong"] : []),
    ...(is(/font-style:\s*(italic|oblique)/i) ? ["em"] : []),
    ...(is(/text-decoration(-line)?:[^;]*underline/i) ? ["u"] : []),
    ...(is(/text-decoration(-line)?:[^;]*line-through/i) ? ["s"] : []),
  ];
}

/** Some programs wrap all they copy in an element for bold whose style takes that back. */
function isPlainBold(name: string, style: string): boolean {
  return (name === "b" || name === "strong") && /font-weight:\s*(normal|[1-5]00)/i.test(style);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
