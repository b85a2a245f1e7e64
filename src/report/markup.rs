//! HTML, SVG and XML whose text is escaped by construction: text and
//! attributes can only be added as what they say, never as markup.

use std::fmt::Display;

use super::harmless::harmless;

/// One element with what is in it.
#[derive(Debug)]
pub(super) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

#[derive(Debug)]
enum Node {
    Element(Element),
    Text(String),
    LineEnd,
    /// Written as it is, which is why it cannot be made of anything but a literal.
    Stylesheet(&'static str),
}

/// HTML elements that have no end tag. All others get one, also when empty:
/// an HTML parser takes `<span/>` for a start.
const VOID: [&str; 2] = ["meta", "br"];

/// Elements that stand in lines of text, where a line end would be a space.
const INLINE: [&str; 10] = [
    "a", "b", "code", "span", "text", "time", "title", "th", "td", "small",
];

/// An element without anything in it.
pub(super) fn element(name: &'static str) -> Element {
    Element {
        name,
        attributes: Vec::new(),
        children: Vec::new(),
    }
}

impl Element {
    /// Adds an attribute.
    pub(super) fn attr(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    /// Adds text, made harmless.
    pub(super) fn text(mut self, text: impl AsRef<str>) -> Self {
        self.children
            .push(Node::Text(harmless(text.as_ref()).into_owned()));
        self
    }

    /// Adds a line end, which no text can bring along.
    pub(super) fn line_end(mut self) -> Self {
        self.children.push(Node::LineEnd);
        self
    }

    /// Adds an element.
    pub(super) fn with(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Adds elements.
    pub(super) fn with_all(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children
            .extend(children.into_iter().map(Node::Element));
        self
    }

    /// Adds the rules of a `style` element. They must be free of `<` and `&`,
    /// which HTML and XML read differently there.
    pub(super) fn stylesheet(mut self, rules: &'static str) -> Self {
        self.children.push(Node::Stylesheet(rules));
        self
    }

    /// Well-formed XML, which an HTML parser reads as the same tree; one block
    /// a line.
    pub(super) fn write(&self) -> String {
        let mut text = String::new();
        self.write_to(&mut text);
        text.push('\n');
        text
    }

    fn write_to(&self, out: &mut String) {
        out.push('<');
        out.push_str(self.name);
        for (name, value) in &self.attributes {
            out.push(' ');
            out.push_str(name);
            out.push_str("=\"");
            escape(&harmless(value), out);
            out.push('"');
        }
        if VOID.contains(&self.name) {
            out.push_str("/>");
            return;
        }
        out.push('>');
        for child in &self.children {
            match child {
                Node::Element(child) => {
                    if !INLINE.contains(&child.name) {
                        out.push('\n');
                    }
                    child.write_to(out);
                }
                Node::Text(text) => escape(text, out),
                Node::LineEnd => out.push('\n'),
                Node::Stylesheet(rules) => out.push_str(rules),
            }
        }
        out.push_str("</");
        out.push_str(self.name);
        out.push('>');
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            // In XML `]]>` may not stand in text.
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // No XML document may hold these, in whatever form.
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("<script>alert(1)</script>")]
    #[case("a && b || c > d]]>")]
    #[case("\" onload=\"x' &amp; &#60;")]
    #[case("資料庫 可寫")]
    fn text_and_attributes_come_back_as_they_were(#[case] text: &str) {
        let written = element("p").attr("title", text).text(text).write();
        let document = roxmltree::Document::parse(&written).expect("well-formed");
        let root = document.root_element();
        assert_eq!(root.attribute("title"), Some(text));
        assert_eq!(root.text(), Some(text));
        assert_eq!(root.children().count(), 1, "{written}");
    }

    #[test]
    fn what_no_xml_may_hold_is_shown_instead() {
        let written = element("p").text("\u{0}\u{1b}[2J\u{ffff}\u{fffe}").write();
        let document = roxmltree::Document::parse(&written).expect("well-formed");
        assert_eq!(
            document.root_element().text(),
            Some("\\u{0}\\u{1b}[2J\u{fffd}\u{fffd}")
        );
    }

    #[test]
    fn only_void_elements_have_no_end_tag() {
        let written = element("p")
            .with(element("br"))
            .with(element("span"))
            .write();
        assert_eq!(written, "<p>\n<br/><span></span></p>\n");
    }
}
