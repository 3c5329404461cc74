//! Reads server-sent events from bytes as they arrive, wherever the chunks are cut: pure.

/// Reads a stream of events. Comments, names and ids are skipped: every format here repeats in the data what
/// matters.
#[derive(Debug, Default)]
pub(crate) struct EventReader {
    /// Bytes of a line that has not ended yet.
    line: Vec<u8>,
    /// The data lines of an event that has not ended yet.
    data: Vec<String>,
    /// The last byte was a carriage return, so that a line feed now belongs to it.
    after_return: bool,
    begun: bool,
}

impl EventReader {
    /// The data of every event that ends within these bytes.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut events = Vec::new();
        for &byte in bytes {
            let belongs_to_return = std::mem::take(&mut self.after_return) && byte == b'\n';
            match byte {
                b'\n' if belongs_to_return => {}
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    events.extend(self.end_line());
                }
                _ => self.line.push(byte),
            }
        }
        events
    }

    /// The data of an event that the end of the stream ends: some servers leave out the last empty line.
    pub(crate) fn finish(mut self) -> Option<String> {
        let event = self.end_line();
        event.or_else(|| self.end_event())
    }

    fn end_line(&mut self) -> Option<String> {
        let bytes = std::mem::take(&mut self.line);
        // Only whole lines are decoded, so that no character is cut in two.
        let text = String::from_utf8_lossy(&bytes);
        let text = if self.begun { &text } else { text.trim_start_matches('\u{feff}') };
        self.begun = true;
        if text.is_empty() {
            return self.end_event();
        }
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        if name == "data" {
            self.data.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
        }
        None
    }

    fn end_event(&mut self) -> Option<String> {
        if self.data.is_empty() {
            return None;
        }
        Some(std::mem::take(&mut self.data).join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn events(bytes: &[u8]) -> Vec<String> {
        let mut reader = EventReader::default();
        let mut events = reader.feed(bytes);
        events.extend(reader.finish());
        events
    }

    #[test]
    fn data_is_read_with_any_line_end_and_comments_are_passed_over() {
        for end in ["\n", "\r\n", "\r"] {
            let text = [
                ": OPENROUTER PROCESSING",
                "",
                "event: ping",
                "data: {\"a\":",
                "data:1}",
                "",
                "data: [DONE]",
                "",
                "",
            ];

            assert_eq!(events(text.join(end).as_bytes()), ["{\"a\":\n1}", "[DONE]"], "{end:?}");
        }
    }

    #[test]
    fn a_last_event_without_an_empty_line_counts() {
        assert_eq!(events(b"data: 1\n\ndata: 2"), ["1", "2"]);
        assert_eq!(events(b"data: 1\n"), ["1"]);
    }

    #[test]
    fn a_mark_of_the_byte_order_and_bad_bytes_do_no_harm() {
        assert_eq!(events(b"\xef\xbb\xbfdata: a\xff\n\n"), ["a\u{fffd}"]);
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_does_not_matter(
            texts in prop::collection::vec("[^\r\n\u{feff}]{0,20}", 1..6),
            cuts in prop::collection::vec(1_usize..9, 1..40),
        ) {
            let stream: String = texts.iter().map(|text| format!(": c\r\nevent: x\r\ndata: {text}\r\n\r\n")).collect();
            let mut reader = EventReader::default();
            let (mut rest, mut read) = (stream.as_bytes(), Vec::new());
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                read.extend(reader.feed(now));
                rest = later;
                if rest.is_empty() { break }
            }
            prop_assert_eq!(read, texts);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            events(&bytes);
        }
    }
}
