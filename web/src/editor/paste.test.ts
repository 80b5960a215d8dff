import { expect, test } from "vitest";
import { cleanHtml } from "./paste";

test("what the schema knows stays, and nothing else", () => {
  const html = '<p onclick="x()" style="color:red">a <b>bold</b><img src=x onerror=x()> &lt;b&gt; word</p>';
  expect(cleanHtml(html)).toBe("<p>a <b>bold</b> &lt;b&gt; word</p>");
  expect(cleanHtml("<script>x()</script><style>p{}</style><svg><p>x</p></svg>after")).toBe("after");
  expect(cleanHtml("<custom-thing>kept <i>words</i></custom-thing>")).toBe("kept <i>words</i>");
  expect(cleanHtml("<p>one<br>two<hr></p>")).toBe("<p>one<br>two</p><hr><p></p>");
});

test("what only a style shows is said by an element", () => {
  expect(cleanHtml('<span style="font-weight:700;font-style: italic">x</span>')).toBe("<span><strong><em>x</em></strong></span>");
  expect(cleanHtml('<span style="text-decoration:underline line-through">x</span>')).toBe("<span><u><s>x</s></u></span>");
  expect(cleanHtml('<b style="font-weight:normal" id="docs-internal"><p>x</p></b>')).toBe("<p>x</p>");
});

test("links, tasks, code and the clipboard's own marks keep what they need", () => {
  expect(cleanHtml('<a href="https://example.org/?a=1&amp;b" target=_top>x</a>')).toBe('<a href="https://example.org/?a=1&amp;b">x</a>');
  expect(cleanHtml('<a href="javascript:x()">x</a>')).toBe("<a>x</a>");
  expect(cleanHtml('<p data-pm-slice="1 1 []">x</p>')).toBe('<p data-pm-slice="1 1 []">x</p>');
  expect(cleanHtml('<li data-type="taskItem" data-checked="true">x</li>')).toBe('<li data-type="taskItem" data-checked="true">x</li>');
  expect(cleanHtml('<ol start="3"><li>x</li></ol>')).toBe('<ol start="3"><li>x</li></ol>');
  expect(cleanHtml('<pre><code class="language-rust">x</code></pre>')).toBe('<pre><code class="language-rust">x</code></pre>');
  expect(cleanHtml('<code class="language-x&quot; onclick=x">x</code>')).toBe("<code>x</code>");
});
