//! Text that stays text in HTML, SVG and any other XML.

use crate::columns::clean;

/// One clean line, fit for the text of an element and for an attribute in quotation marks.
///
/// What could become markup is written as an entity; characters that XML has no place for are left out, and so are
/// marks that turn the direction of the text around them.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Not characters at all; XML refuses the last two.
            '\u{fdd0}'..='\u{fdef}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_become_markup() {
        assert_eq!(text("<b a=\"1\" c='2'>]]>"), "&lt;b a=&quot;1&quot; c=&#39;2&#39;&gt;]]&gt;");
        assert_eq!(text("&lt; &#1;"), "&amp;lt; &amp;#1;");
        assert_eq!(text("a\u{0}\u{8}\u{fffe}\u{202e}b\nc"), "ab c");
    }
}
