//! The second belt: secrets are of type `Secret` and never formatted; should one slip through as a
//! plain text, for instance in a library's trace of a header, it is replaced here.

use std::borrow::Cow;

use memchr::memmem;
use parking_lot::RwLock;

const HIDDEN: &[u8] = b"[secret]";
/// A shorter text would also be found where it is none.
const SHORTEST: usize = 8;

/// The texts that must not be logged.
#[derive(Default)]
pub(super) struct Redactor {
    secrets: RwLock<Vec<memmem::Finder<'static>>>,
}

impl Redactor {
    /// Hides this text from now on, unless it is too short to be told from others.
    pub(super) fn add(&self, secret: &str) {
        if secret.len() >= SHORTEST {
            self.secrets
                .write()
                .push(memmem::Finder::new(secret.as_bytes()).into_owned());
        }
    }

    /// The line without secrets.
    pub(super) fn clean<'a>(&self, line: &'a [u8]) -> Cow<'a, [u8]> {
        let mut clean = Cow::Borrowed(line);
        for secret in self.secrets.read().iter() {
            if secret.find(&clean).is_some() {
                clean = Cow::Owned(replace(secret, &clean));
            }
        }
        clean
    }
}

fn replace(secret: &memmem::Finder<'_>, line: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(line.len());
    let mut from = 0;
    for at in secret.find_iter(line) {
        clean.extend_from_slice(&line[from..at]);
        clean.extend_from_slice(HIDDEN);
        from = at + secret.needle().len();
    }
    clean.extend_from_slice(&line[from..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_secret_is_hidden_wherever_it_stands() {
        let redactor = Redactor::default();
        for secret in ["aaaaaaaa", "sk-ant-1234", "short", "[secret]"] {
            redactor.add(secret);
        }
        let table = [
            ("nothing", "nothing"),
            ("sk-ant-1234", "[secret]"),
            (
                "x aaaaaaaa y sk-ant-1234 aaaaaaaa\n",
                "x [secret] y [secret] [secret]\n",
            ),
            ("short", "short"),
        ];
        for (line, expected) in table {
            assert_eq!(
                String::from_utf8_lossy(&redactor.clean(line.as_bytes())),
                expected
            );
        }
    }
}
