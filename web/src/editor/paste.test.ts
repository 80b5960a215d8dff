import { expect, test } from "vitest";
import { cleanHtml } from "./paste";

const block = (keys: object, html: string): string => `<p data-keys="${JSON.stringify(keys).replaceAll('"', "&quot;")}">${html}</p>`;

test("what the schema knows stays, and nothing else", () => {
  const html = '<p onclick="x()" style="color:red">a <b>bold</b><img src=x onerror=x()> &lt;b&gt; word</p>';
  expect(cleanHtml(html)).toBe("<p>a <b>bold</b> &lt;b&gt; word</p>");
  expect(cleanHtml("<script>x()</script><style>p{}</style><svg><p>x</p></svg>after")).toBe("after");
  expect(cleanHtml("<custom-thing>kept <i>words</i></custom-thing>")).toBe("kept <i>words</i>");
  expect(cleanHtml("<p>one<br>two</p><hr><p></p>")).toBe("<p>one<br>two</p><hr><p></p>");
});

test("what only a style shows is said by an element", () => {
  expect(cleanHtml('<span style="font-weight:700;font-style: italic">x</span>')).toBe("<strong><em>x</em></strong>");
  expect(cleanHtml('<span style="text-decoration:underline line-through">x</span>')).toBe("<u><s>x</s></u>");
  expect(cleanHtml('<b style="font-weight:normal" id="docs-internal"><p>x</p></b>')).toBe("<p>x</p>");
  expect(cleanHtml("<b><p>x</p><p>y</p></b>")).toBe("<p><b>x</b></p><p><b>y</b></p>");
});

test("links keep addresses that they may have, and what was copied here where it was open", () => {
  expect(cleanHtml('<a href="https://example.org/?a=1&amp;b" target=_top>x</a>')).toBe('<a href="https://example.org/?a=1&amp;b">x</a>');
  expect(cleanHtml('<a href="javascript:x()">x</a>')).toBe("<a>x</a>");
  expect(cleanHtml('<ul data-pm-slice="1 1 []"><li><p>x  y</p></li></ul>')).toBe(
    '<p data-pm-slice="1 1 []" data-keys="{&quot;list&quot;:&quot;bullet&quot;}">x  y</p>',
  );
});

test("lists, quotes, headings and code become what blocks are", () => {
  expect(cleanHtml("<ul><li>a<ul><li>b</li></ul></li><li><p>c</p><p>d</p></li></ul>")).toBe([
    block({ list: "bullet" }, "a"), block({ list: "bullet", indent: 1 }, "b"), block({ list: "bullet" }, "c"), block({ indent: 1 }, "d"),
  ].join(""));
  expect(cleanHtml('<ol start="3"><li>x</li><li>y</li></ol>')).toBe(block({ list: "ordered", start: 3 }, "x") + block({ list: "ordered" }, "y"));
  expect(cleanHtml('<ul><li data-type="taskItem" data-checked="true">x</li></ul>')).toBe(block({ list: "task", checked: true }, "x"));
  expect(cleanHtml('<ul><li><input type="checkbox" checked> x</li></ul>')).toBe(block({ list: "task", checked: true }, "x"));
  expect(cleanHtml("<blockquote><p>q</p></blockquote><h2>t</h2>")).toBe(block({ quote: 1 }, "q") + block({ type: "heading", level: 2 }, "t"));
  expect(cleanHtml('<pre><code class="language-rust">a\n  b</code></pre>')).toBe(
    block({ type: "code", lang: "rust" }, "a") + block({ type: "code", lang: "rust" }, "  b"),
  );
  expect(cleanHtml('<pre><code class="language-x&quot; onclick=x">x</code></pre>')).toBe(block({ type: "code" }, "x"));
});

test("a row of a table is a line with tabs", () => {
  expect(cleanHtml("<table><tr><td>Widget</td><td>12</td><td>3.50</td></tr><tr><td>Gadget</td><td>7</td></tr></table>")).toBe(
    "<p>Widget\t12\t3.50</p><p>Gadget\t7</p>",
  );
});
