//! A page as a whole HTML document that runs nothing: every text and every attribute is escaped,
//! and its own policy forbids whatever a mistake here would let through.

use super::{Child, Named, Node, link};

/// Marks as elements, the outermost first.
const MARKS: [(&str, &str); 5] = [
    ("bold", "strong"),
    ("italic", "em"),
    ("underline", "u"),
    ("strike", "s"),
    ("code", "code"),
];

/// The whole document.
pub fn html(title: &str, page: &Node) -> String {
    html_with(title, page, "default-src 'none'", "")
}

/// The same under this policy, with more in its head: both come from Quire itself, never from people.
pub fn html_with(title: &str, page: &Node, policy: &str, head: &str) -> String {
    let mut out = format!(
        "<!doctype html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n{head}<title>"
    );
    escape(title, &mut out);
    out.push_str("</title>\n</head>\n<body>\n");
    blocks(page, &mut out);
    out.push_str("</body>\n</html>\n");
    out
}

fn blocks(parent: &Node, out: &mut String) {
    for node in parent.nodes() {
        block(node, out);
    }
}

fn block(node: &Node, out: &mut String) {
    match node.name.as_str() {
        "paragraph" => lines("p", node, out),
        "heading" => {
            let level = node.number("level").unwrap_or(1).clamp(1, 6);
            lines(&format!("h{level}"), node, out);
        }
        "blockquote" => frame("blockquote", node, out),
        "bulletList" => frame("ul", node, out),
        "taskList" => frame("ul", node, out),
        "orderedList" => match node.number("start") {
            None | Some(1) => frame("ol", node, out),
            Some(start) => {
                out.push_str(&format!("<ol start=\"{start}\">\n"));
                blocks(node, out);
                out.push_str("</ol>\n");
            }
        },
        "listItem" => frame("li", node, out),
        "taskItem" => {
            let is_checked = node.attributes.get("checked") == Some(&true.into());
            let checked = if is_checked { " checked" } else { "" };
            out.push_str(&format!(
                "<li><input type=\"checkbox\" disabled{checked}>\n"
            ));
            blocks(node, out);
            out.push_str("</li>\n");
        }
        "codeBlock" => {
            let language = node.attributes.get("language").and_then(|l| l.as_str());
            match language {
                Some(language) if !language.is_empty() => {
                    out.push_str("<pre><code class=\"language-");
                    // A class ends at a space.
                    escape(&language.replace(char::is_whitespace, "-"), out);
                    out.push_str("\">");
                }
                _ => out.push_str("<pre><code>"),
            }
            escape(&node.all_text(), out);
            out.push_str("</code></pre>\n");
        }
        "horizontalRule" => out.push_str("<hr>\n"),
        // What Quire does not know keeps its text.
        _ if node.is_line() => lines("div", node, out),
        _ => frame("div", node, out),
    }
}

fn frame(element: &str, node: &Node, out: &mut String) {
    out.push_str(&format!("<{element}>\n"));
    // A block that should hold blocks, but holds text.
    if node.is_line() {
        inline(&node.children, out);
    } else {
        blocks(node, out);
    }
    out.push_str(&format!("</{element}>\n"));
}

fn lines(element: &str, node: &Node, out: &mut String) {
    out.push_str(&format!("<{element}>"));
    inline(&node.children, out);
    out.push_str(&format!("</{element}>\n"));
}

fn inline(children: &[Child], out: &mut String) {
    for child in children {
        match child {
            Child::Text(run) => marked(&run.marks, out, |out| escape(&run.text, out)),
            Child::Node(node) if node.name == "hardBreak" => out.push_str("<br>"),
            Child::Node(node) => marked(&node.marks, out, |out| inline(&node.children, out)),
        }
    }
}

fn marked(marks: &Named, out: &mut String, content: impl FnOnce(&mut String)) {
    let elements = MARKS.iter().filter(|(mark, _)| marks.contains_key(*mark));
    let elements: Vec<&str> = elements.map(|(_, element)| *element).collect();
    let href = link::of_marks(marks);
    if let Some(href) = href {
        out.push_str("<a rel=\"noopener noreferrer nofollow\" href=\"");
        escape(href, out);
        out.push_str("\">");
    }
    for element in &elements {
        out.push_str(&format!("<{element}>"));
    }
    content(out);
    for element in elements.iter().rev() {
        out.push_str(&format!("</{element}>"));
    }
    if href.is_some() {
        out.push_str("</a>");
    }
}

/// For text and for attributes in double quotes.
fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // HTML has no way to write it.
            '\0' => out.push('\u{fffd}'),
            // Else a reader would take it for a line's end.
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}
