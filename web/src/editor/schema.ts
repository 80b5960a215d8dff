// The document's schema and its editing commands: Tiptap's extensions, set so that they never write by
// themselves (no trailing node, no history of ProseMirror's) and store only what the model names.
import { mergeAttributes } from "@tiptap/core";
import type { Extensions } from "@tiptap/core";
import { Link } from "@tiptap/extension-link";
import StarterKit from "@tiptap/starter-kit";
import { Blocks } from "./keys";
import { hrefOf, isAllowedHref } from "./links";
import { InlineThing, Paragraph, Rule, Thing, UnknownMark } from "./nodes";

/** Only http, https and mail links, whoever wrote them; how they open is decided here, not in the document. */
const SafeLink = Link.extend({
  inclusive: false,
  parseHTML() {
    return [{ tag: "a[href]", getAttrs: (element: HTMLElement) => (isAllowedHref(element.getAttribute("href")) ? null : false) }];
  },
  renderHTML({ HTMLAttributes }) {
    const href: unknown = HTMLAttributes["href"];
    if (!isAllowedHref(href)) return ["span", { class: "link-refused", title: "This link's address is not allowed." }, 0];
    return ["a", mergeAttributes(HTMLAttributes, { href, rel: "noopener noreferrer nofollow", target: "_blank" }), 0];
  },
});

export function documentExtensions(): Extensions {
  return [
    StarterKit.configure({
      undoRedo: false,
      trailingNode: false,
      link: false,
      paragraph: false,
      heading: false,
      blockquote: false,
      bulletList: false,
      orderedList: false,
      listItem: false,
      listKeymap: false,
      codeBlock: false,
      horizontalRule: false,
      dropcursor: { class: "drop-cursor", width: 2, color: false },
    }),
    SafeLink.configure({
      openOnClick: false,
      autolink: true,
      linkOnPaste: true,
      defaultProtocol: "https",
      HTMLAttributes: { target: null, rel: null, class: null },
      isAllowedUri: (url) => hrefOf(url) !== null,
    }),
    Paragraph,
    Rule,
    Thing,
    InlineThing,
    UnknownMark,
    Blocks,
  ];
}
