//! Reads text that a user names: a file or standard input, UTF-8, of a sane size.

use std::{
    fs::File,
    io::{ErrorKind, Read},
    path::Path,
};

use super::failure::Failure;
use story_map::requirements::grouped;

/// The text of the file, or of standard input for `-`; `advice` says what to do about one with more than
/// `most_bytes`.
pub(super) fn read(source: &Path, most_bytes: u64, advice: &str) -> Result<String, Failure> {
    let name = name_of(source);
    let bytes = if source == Path::new("-") {
        read_bytes(std::io::stdin().lock(), &name, None, most_bytes, advice)?
    } else {
        let file = open(source)?;
        let size = file.metadata().ok().map(|about| about.len());
        read_bytes(file, &name, size, most_bytes, advice)?
    };
    decode(&bytes).map(str::to_owned).map_err(|why| Failure::usage(format!("{name} {why}")))
}

/// What messages call it.
pub(super) fn name_of(source: &Path) -> String {
    if source == Path::new("-") { "standard input".to_owned() } else { source.display().to_string() }
}

fn open(path: &Path) -> Result<File, Failure> {
    let name = path.display();
    let refused = |error: std::io::Error| {
        Failure::usage(match error.kind() {
            ErrorKind::NotFound => format!(
                "there is no file {name}; give the path of a text file, or - to read from standard input"
            ),
            ErrorKind::PermissionDenied => format!("{name} may not be read by this user; change its rights"),
            _ => format!("{name} cannot be read: {error}"),
        })
    };
    let about = std::fs::metadata(path).map_err(refused)?;
    if about.is_dir() {
        return Err(Failure::usage(format!("{name} is a directory; give the path of a text file in it")));
    }
    File::open(path).map_err(refused)
}

fn read_bytes(
    source: impl Read,
    name: &str,
    size: Option<u64>,
    most: u64,
    advice: &str,
) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    source
        .take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage(format!("{name} cannot be read: {error}")))?;
    if bytes.len() as u64 > most {
        let number = |bytes: u64| grouped(usize::try_from(bytes).unwrap_or(usize::MAX));
        let size = match size.filter(|size| *size > most) {
            Some(size) => number(size),
            None => format!("more than {}", number(most)),
        };
        return Err(Failure::usage(format!("{name} has {size} bytes, and {advice}")));
    }
    Ok(bytes)
}

/// The bytes as text; else why they are none, and what to do.
fn decode(bytes: &[u8]) -> Result<&str, String> {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err("is in UTF-16; save it as UTF-8, for example with `iconv -f UTF-16 -t UTF-8`".to_owned());
    }
    if is_binary(bytes) {
        return Err("is not a text file; save it as plain text or Markdown in UTF-8".to_owned());
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = &bytes[..error.valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!(
            "is not in UTF-8 (line {line}, byte {}); convert it, for example with `iconv -f WINDOWS-1251 -t UTF-8`",
            good.len() + 1
        )
    })
}

/// Whether there are bytes in it that no text has, in any usual encoding.
fn is_binary(bytes: &[u8]) -> bool {
    let start = &bytes[..bytes.len().min(8192)];
    let odd = start.iter().filter(|byte| **byte < 0x20 && !b"\t\n\r\x0b\x0c\x1b".contains(byte)).count();
    bytes.contains(&0) || odd * 20 > start.len()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn text_in_another_encoding_is_told_from_what_is_no_text() {
        let windows_1251 = [0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2];
        let utf_16: Vec<u8> = [0xff, 0xfe, 0x1f, 0x04].into();

        assert!(decode(&windows_1251).unwrap_err().contains("line 1, byte 1"));
        assert!(decode(&utf_16).unwrap_err().contains("UTF-16"));
        assert!(decode(b"\x7fELF\x02\x01\x01\0\0").unwrap_err().contains("not a text file"));
        assert_eq!(decode("Еда\r\n\tдомой".as_bytes()).unwrap(), "Еда\r\n\tдомой");
    }

    #[test]
    fn the_place_of_the_first_bad_byte_is_named() {
        let error = decode(b"line one\nline tw\xffo").unwrap_err();

        assert!(error.contains("line 2, byte 17"), "{error}");
    }
}
