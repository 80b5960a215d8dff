// What is pasted as HTML, written anew with only what the schema knows, before the browser parses it: its
// parser would take in handlers, styles and addresses that the page's policy then has to stop. What looks
// bold or struck out by its style alone becomes an element that says so.
import { Parser } from "htmlparser2";
import { isAllowedHref } from "./links";

const ELEMENTS = new Set([
  "a", "b", "blockquote", "br", "code", "del", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "li", "ol", "p",
  "pre", "s", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
]);
const WITHOUT_END = new Set(["br", "hr"]);
/** What stands in these is not for readers. */
const UNREAD = new Set([
  "applet", "audio", "canvas", "embed", "frameset", "head", "iframe", "math", "noscript", "object", "script", "select",
  "style", "svg", "template", "textarea", "title", "video",
]);
/** The clipboard's own, those of lists of tasks and of what a newer version knows; and where a list begins. */
const ATTRIBUTE = /^(data-[a-z-]+|start)$/;
const LANGUAGE = /^language-[\w+#.-]{1,40}$/;

type Attributes = Record<string, string>;

export function cleanHtml(html: string): string {
  const written: string[] = [];
  /** For each open element what closes it. */
  const open: string[] = [];
  let unread = 0;
  const parser = new Parser({
    onopentag(name, attributes) {
      if (UNREAD.has(name)) unread += 1;
      if (unread > 0) return;
      if (WITHOUT_END.has(name)) {
        written.push(`<${name}>`);
        return;
      }
      const starts = ELEMENTS.has(name) ? [tag(name, attributes), ...shown(attributes["style"] ?? "")] : [];
      if (isPlainBold(name, attributes)) starts.shift();
      written.push(...starts.map((start) => `<${start}>`));
      open.push(starts.map((start) => `</${start.split(" ")[0] ?? start}>`).reverse().join(""));
    },
    ontext(text) {
      if (unread === 0) written.push(escaped(text));
    },
    onclosetag(name) {
      if (UNREAD.has(name)) unread -= 1;
      else if (unread === 0 && !WITHOUT_END.has(name)) written.push(open.pop() ?? "");
    },
  }, { lowerCaseTags: true, decodeEntities: true });
  parser.write(html);
  parser.end();
  return written.join("");
}

function tag(name: string, attributes: Attributes): string {
  const kept = Object.entries(attributes)
    .filter(([attribute]) => ATTRIBUTE.test(attribute))
    .map(([attribute, value]) => ` ${attribute}="${escaped(value)}"`);
  const { href, class: classes = "" } = attributes;
  if (name === "a" && isAllowedHref(href)) kept.push(` href="${escaped(href)}"`);
  if (name === "code" && LANGUAGE.test(classes)) kept.push(` class="${classes}"`);
  return name + kept.join("");
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
function isPlainBold(name: string, attributes: Attributes): boolean {
  return (name === "b" || name === "strong") && /font-weight:\s*(normal|[1-5]00)/i.test(attributes["style"] ?? "");
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
