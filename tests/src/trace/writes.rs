//! Which calls of a [`Trace`] change a folder, or open something in it for writing.

use std::path::{Path, PathBuf};

use super::{Call, Trace, annotation};

/// Every call that touches a file by its name, or changes one that is open, in the words of strace.
/// Each stands with a `?`, since no machine has all of them.
pub const CALLS: &str = "?%file,?openat,?openat2,?open_by_handle_at,?ftruncate,?ftruncate64,?fallocate,\
    ?fchmod,?fchmodat2,?fchown,?futimesat,?utimensat,?fsetxattr,?fremovexattr,?copy_file_range";

/// Calls that open; what they do depends on their flags.
const OPEN: [&str; 4] = ["open", "openat", "openat2", "open_by_handle_at"];

/// Calls that only look.
const LOOK: [&str; 24] = [
    "access",
    "chdir",
    "execve",
    "execveat",
    "faccessat",
    "faccessat2",
    "fanotify_mark",
    "getcwd",
    "getxattr",
    "inotify_add_watch",
    "lgetxattr",
    "listxattr",
    "llistxattr",
    "lstat",
    "name_to_handle_at",
    "newfstatat",
    "readlink",
    "readlinkat",
    "stat",
    "statfs",
    "statfs64",
    "statx",
    "uselib",
    "fstatat64",
];

/// Flags that write, or may.
const WRITE_FLAGS: [&str; 6] = [
    "O_WRONLY",
    "O_RDWR",
    "O_CREAT",
    "O_TRUNC",
    "O_APPEND",
    "O_TMPFILE",
];

/// The calls that would change something below `folder` or open it for writing, whether they worked
/// or not. A call that is not known is taken for one that changes.
pub fn below<'a>(trace: &'a Trace, folder: &Path) -> Vec<&'a Call> {
    let changes = |call: &&Call| changes(call) && touches(call, folder);
    trace.0.iter().filter(changes).collect()
}

/// The calls that open something below `folder`, in whatever way.
pub fn opened_below<'a>(trace: &'a Trace, folder: &Path) -> Vec<&'a Call> {
    let opens = |call: &&Call| OPEN.contains(&call.name.as_str()) && touches(call, folder);
    trace.0.iter().filter(opens).collect()
}

fn changes(call: &Call) -> bool {
    let name = call.name.as_str();
    if OPEN.contains(&name) {
        return call
            .args
            .iter()
            .filter(|arg| !arg.starts_with('"'))
            .any(|arg| WRITE_FLAGS.iter().any(|flag| arg.contains(flag)));
    }
    !LOOK.contains(&name)
}

fn touches(call: &Call, folder: &Path) -> bool {
    // What was asked for, and what the system says it was after following links.
    let result = annotation(&call.result).map(PathBuf::from);
    call.paths()
        .into_iter()
        .chain(result)
        .any(|path| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use anyhow::Result;

    use super::*;

    #[test]
    fn what_changes_the_folder_is_found_and_what_looks_is_not() -> Result<()> {
        let table = [
            (r#"openat(5</p>, "a", O_RDONLY|O_CLOEXEC) = 3</p/a>"#, false),
            (r#"openat(5</p>, "a", O_RDWR|O_CLOEXEC) = 3</p/a>"#, true),
            (
                r#"openat(5</p>, "a", O_WRONLY|O_CREAT, 0666) = -1 EACCES (Permission denied)"#,
                true,
            ),
            (r#"openat(5</p>, "O_RDWR", O_RDONLY) = 3</p/O_RDWR>"#, false),
            (r#"openat(5</d>, "a", O_RDWR|O_CLOEXEC) = 3</d/a>"#, false),
            (r#"openat(5</d>, "link", O_RDWR|O_CLOEXEC) = 3</p/a>"#, true),
            (
                r#"openat2(5</p>, "a", {flags=O_RDONLY|O_TRUNC, resolve=RESOLVE_BENEATH}, 24) = 3"#,
                true,
            ),
            (
                r#"open("/p", O_RDWR|O_TMPFILE, 0600) = 3</p/#12 (deleted)>"#,
                true,
            ),
            (r#"open("/project/a", O_RDWR) = 3</project/a>"#, false),
            (r#"creat("/p/a", 0666) = 3</p/a>"#, true),
            (r#"rename("/d/x", "/p/x") = 0"#, true),
            (r#"rename("/p/x", "/d/x") = 0"#, true),
            (r#"linkat(5</d>, "x", 6</p>, "y", 0) = 0"#, true),
            (r#"unlinkat(5</p>, "a", 0) = 0"#, true),
            (r#"mkdirat(5</p>, "a", 0777) = 0"#, true),
            ("ftruncate(9</p/a>, 0) = 0", true),
            ("ftruncate(9</d/a>, 0) = 0", false),
            (r#"utimensat(5</p>, "a", NULL, 0) = 0"#, true),
            (
                r#"statx(5</p>, "a", AT_STATX_SYNC_AS_STAT, STATX_ALL, {}) = 0"#,
                false,
            ),
            (
                r#"inotify_add_watch(7<anon_inode:inotify>, "/p", IN_CREATE) = 1"#,
                false,
            ),
            (r#"a_new_call("/p/a") = 0"#, true),
        ];
        for (line, expected) in table {
            let trace = Trace::parse(&format!("7 {line}"))?;
            assert_eq!(
                below(&trace, Path::new("/p")).len() == 1,
                expected,
                "{line}"
            );
        }
        Ok(())
    }
}
