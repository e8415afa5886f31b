//! A log file that never grows beyond a cap, with a few older ones beside it.
//!
//! The crates that do this bring compression or calendar rotation without a size cap; this is all we need.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The current file and what is known of it.
pub(super) struct Rotating {
    path: PathBuf,
    file: File,
    size: u64,
    cap: u64,
    files: usize,
}

/// The name of the `age`-th older file; 0 is the current one.
pub(crate) fn older(path: &Path, age: usize) -> PathBuf {
    if age == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{age}"));
    PathBuf::from(name)
}

impl Rotating {
    /// Appends to the file at `path`; each file has at most `cap` bytes, and there are at most `files`.
    pub(super) fn open(path: &Path, cap: u64, files: usize) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = append(path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            size,
            cap,
            files,
        })
    }

    /// Appends one line, to a new file if it does not fit. A line longer than a whole file is cut.
    pub(super) fn write_line(&mut self, line: &[u8]) -> io::Result<()> {
        let line = &line[..line
            .len()
            .min(usize::try_from(self.cap).unwrap_or(usize::MAX))];
        if self.size > 0 && self.size + line.len() as u64 > self.cap {
            self.rotate()?;
        }
        self.file.write_all(line)?;
        self.size += line.len() as u64;
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        for age in (1..self.files).rev() {
            match fs::rename(older(&self.path, age - 1), older(&self.path, age)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.file = append(&self.path)?;
        self.size = 0;
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_their_sizes_are_capped_and_the_newest_lines_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("logs/x.log");
        let mut log = Rotating::open(&path, 100, 3).unwrap();
        for number in 0..50 {
            log.write_line(format!("line {number:03} xxxxxxxxxxx\n").as_bytes())
                .unwrap();
        }
        // A second run goes on where the first ended.
        drop(log);
        let mut log = Rotating::open(&path, 100, 3).unwrap();
        log.write_line(b"the second run\n").unwrap();
        log.write_line(&[b'x'; 1000]).unwrap();
        log.write_line(b"last\n").unwrap();

        let sizes: Vec<u64> = (0..3)
            .map(|age| fs::metadata(older(&path, age)).unwrap().len())
            .collect();
        assert!(sizes.iter().all(|size| *size <= 100), "{sizes:?}");
        assert_eq!(fs::read_dir(folder.path().join("logs")).unwrap().count(), 3);
        assert_eq!(fs::read_to_string(&path).unwrap(), "last\n");
        assert_eq!(
            fs::read_to_string(older(&path, 1)).unwrap(),
            "x".repeat(100)
        );
        assert!(
            fs::read_to_string(older(&path, 2))
                .unwrap()
                .ends_with("the second run\n")
        );
    }
}
