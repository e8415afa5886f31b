//! What only the start needed leaves memory once it is over.

/// Unmaps the program's code. What is still needed comes back from the page cache, a few pages at a
/// time; what only the start ran (reading settings, opening rooms), and what lies beside it, does not:
/// about a half of what an idle sidecar would keep. The code stays in the page cache, so that no disk
/// is read.
#[cfg(target_os = "linux")]
pub(crate) fn code() {
    use std::ffi::c_void;

    use rustix::mm::{Advice, madvise};

    let (Ok(maps), Ok(program)) = (
        std::fs::read_to_string("/proc/self/maps"),
        std::env::current_exe(),
    ) else {
        return;
    };
    let program = program.to_string_lossy();
    let code = maps
        .lines()
        .filter(|line| line.contains(" r-xp ") && line.ends_with(&*program));
    for line in code {
        let Some((start, end)) = line
            .split(' ')
            .next()
            .and_then(|range| range.split_once('-'))
        else {
            continue;
        };
        let (Ok(start), Ok(end)) = (
            usize::from_str_radix(start, 16),
            usize::from_str_radix(end, 16),
        ) else {
            continue;
        };
        let address = std::ptr::without_provenance_mut::<c_void>(start);
        #[allow(
            unsafe_code,
            reason = "the pages are a file's, readable and executable and never written, so that each comes back as it was when it is touched"
        )]
        let done = unsafe { madvise(address, end - start, Advice::LinuxDontNeed) };
        if let Err(error) = done {
            tracing::debug!(%error, "The code of the start stays in memory.");
        }
    }
}

/// Other systems are left as they are.
#[cfg(not(target_os = "linux"))]
pub(crate) fn code() {}
