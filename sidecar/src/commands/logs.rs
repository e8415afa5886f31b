//! `logs`: the end of the log, over the rotated files, and what comes next.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use crate::data_dir::DataDir;
use crate::exit::{Exit, Failure};
use crate::logging::{FILES, older};

/// How often a followed log is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Prints the last `count` lines, and with `follow` every new one until the reader or Ctrl-C ends it.
///
/// # Errors
/// [`Exit::NotRunning`] when there is no log yet.
pub(crate) fn logs(data: &DataDir, count: usize, follow: bool) -> Result<(), Failure> {
    let path = data.log();
    let current = File::open(&path).map_err(|error| {
        Failure::new(Exit::NotRunning, format!("There is no log at {} ({error}). Start a sidecar first, or name another --data-dir.", path.display()))
    })?;
    let mut current = BufReader::new(current);
    match show(&path, &mut current, count).and_then(|()| {
        if follow {
            go_on(&path, current)
        } else {
            Ok(())
        }
    }) {
        Ok(()) => Ok(()),
        // `| head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::internal(
            &format!("The log {} cannot be shown", path.display()),
            error,
        )),
    }
}

fn show(path: &Path, current: &mut BufReader<File>, count: usize) -> io::Result<()> {
    let mut lines = tail(current, count)?;
    for age in 1..FILES {
        if lines.len() >= count {
            break;
        }
        let Ok(file) = File::open(older(path, age)) else {
            break;
        };
        let mut earlier = tail(&mut BufReader::new(file), count - lines.len())?;
        earlier.append(&mut lines);
        lines = earlier;
    }
    let mut out = io::stdout().lock();
    for line in lines {
        out.write_all(&line)?;
    }
    out.flush()
}

/// The last `count` lines, line feeds included. A file is at most a few MiB, so it is read through.
fn tail(file: &mut BufReader<File>, count: usize) -> io::Result<VecDeque<Vec<u8>>> {
    let mut lines = VecDeque::new();
    loop {
        let mut line = Vec::new();
        if file.read_until(b'\n', &mut line)? == 0 {
            return Ok(lines);
        }
        lines.push_back(line);
        if lines.len() > count {
            lines.pop_front();
        }
    }
}

fn go_on(path: &Path, mut current: BufReader<File>) -> io::Result<()> {
    let mut out = io::stdout().lock();
    loop {
        // Asked before reading: what was written to the old file until its rotation is then read too.
        let next = File::open(path).ok().filter(|next| {
            let id = |file: &File| file.metadata().map(|meta| (meta.dev(), meta.ino())).ok();
            id(next) != id(current.get_ref())
        });
        io::copy(&mut current, &mut out)?;
        out.flush()?;
        match next {
            Some(next) => current = BufReader::new(next),
            None => std::thread::sleep(LOOK),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_the_last_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "one\ntwo\nthree").unwrap();
        let check = |count, expected: &[&str]| {
            let lines = tail(&mut BufReader::new(File::open(&path).unwrap()), count).unwrap();
            let lines: Vec<_> = lines
                .iter()
                .map(|line| std::str::from_utf8(line).unwrap())
                .collect();
            assert_eq!(lines, expected, "{count}");
        };
        check(0, &[]);
        check(2, &["two\n", "three"]);
        check(9, &["one\n", "two\n", "three"]);
    }
}
