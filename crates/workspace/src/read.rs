//! Reading a file as text.

use std::fs::File;
use std::io::{self, Read};

use paige_protocol::{ProjectPath, Version};

use crate::error::FileError;

/// A file as it was on disk at one moment; BOM and line ends are as they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileText {
    /// The whole content.
    pub text: String,
    /// Its version.
    pub version: Version,
    /// A language id of the Monaco editor.
    pub language: &'static str,
    /// See [`line_count`].
    pub line_count: u32,
}

/// How many lines an editor shows: the pieces after splitting on `\n`, so 1 for an empty
/// text.
pub fn line_count(text: &str) -> u32 {
    let breaks = memchr::memchr_iter(b'\n', text.as_bytes()).count();
    u32::try_from(breaks).map_or(u32::MAX, |breaks| breaks.saturating_add(1))
}

/// All bytes of `file`, whose size was `size` when it was opened.
pub(crate) fn read_all(
    path: &ProjectPath,
    file: File,
    size: u64,
    limit: u64,
) -> Result<Vec<u8>, FileError> {
    let failed = |source| FileError::at(path, source);
    let too_large = |size| FileError::TooLarge {
        path: path.clone(),
        size,
        limit,
    };
    if size > limit {
        return Err(too_large(size));
    }
    // One byte more than expected, so that the end is seen without a larger buffer.
    let capacity =
        usize::try_from(size + 1).map_err(|_| failed(io::ErrorKind::OutOfMemory.into()))?;
    let mut bytes = Vec::with_capacity(capacity);
    // A file may grow while it is read.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    match bytes.len() as u64 {
        size if size > limit => Err(too_large(size)),
        _ => Ok(bytes),
    }
}

/// The bytes as text, not copied.
pub(crate) fn into_text(path: &ProjectPath, bytes: Vec<u8>) -> Result<String, FileError> {
    let not_text = |binary| FileError::NotText {
        path: path.clone(),
        binary,
    };
    if looks_binary(&bytes) {
        return Err(not_text(true));
    }
    String::from_utf8(bytes).map_err(|_| not_text(false))
}

/// A NUL, or more than a tenth control characters, in the first 8192 bytes. Those
/// that texts are laid out with (tab, line feed, form feed, carriage return) do not count.
fn looks_binary(bytes: &[u8]) -> bool {
    let head = &bytes[..bytes.len().min(8192)];
    let is_control = |byte: &&u8| matches!(byte, 0x01..0x09 | 0x0b | 0x0e..0x20 | 0x7f);
    head.contains(&0) || head.iter().filter(is_control).count() * 10 > head.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_the_pieces_between_line_feeds() {
        for (text, expected) in [("", 1), ("a", 1), ("a\n", 2), ("a\nb", 2), ("\r\n\r\n", 3)] {
            assert_eq!(line_count(text), expected, "{text:?}");
        }
    }

    #[test]
    fn text_is_told_from_other_bytes() {
        let path = ProjectPath::parse("a").expect("a good path");
        let check = |bytes: &[u8], expected: Result<&str, bool>| {
            let actual = match into_text(&path, bytes.to_vec()) {
                Ok(text) => Ok(text),
                Err(FileError::NotText { binary, .. }) => Err(binary),
                Err(other) => panic!("{other}"),
            };
            assert_eq!(
                actual.as_deref().map_err(|binary| *binary),
                expected,
                "{bytes:?}"
            );
        };
        check(b"", Ok(""));
        check("\u{feff}a\r\nü".as_bytes(), Ok("\u{feff}a\r\nü"));
        check(b"a\0b", Err(true));
        check(b"\x01aaaaaaaaa", Ok("\x01aaaaaaaaa"));
        check(b"\x01\x02aaaaaaaa", Err(true));
        check(b"\t\t\r\n\x0c", Ok("\t\t\r\n\x0c"));
        check(b"caf\xe9", Err(false));
        let mut late = vec![b'a'; 8192];
        late.push(0);
        assert!(into_text(&path, late).is_ok());
    }
}
