//! [`Trace`]: what a process asked of the system, as `strace` tells it, and [`Strace`], which runs the
//! binary under it.
//!
//! The order of the calls is that of the lines: strace sees each call of each thread begin and end, one
//! after the other, so that a call whose end stands above another's beginning was over when that began.

pub mod durable;
pub mod writes;

use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{Project, Sidecar};

/// One call of the system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// For instance `pwrite64`.
    pub name: String,
    /// The arguments as strace writes them.
    pub args: Vec<String>,
    /// What it returned, with strace's remarks; empty when it never did.
    pub result: String,
    /// The line in which it began.
    pub began: usize,
    /// The line in which it ended, if it did.
    pub ended: Option<usize>,
}

/// All calls, in the order in which they began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace(pub Vec<Call>);

impl Trace {
    /// Reads what `strace -f -o FILE` has written.
    ///
    /// # Errors
    /// When a line is none of strace's: a test must not pass because something was not understood.
    pub fn parse(text: &str) -> Result<Self> {
        let mut calls: Vec<(String, String, Call)> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let wrong = || format!("line {} of the trace: {line:.200}", number + 1);
            let (thread, rest) = line.split_once(' ').with_context(wrong)?;
            let rest = rest.trim_start();
            if rest.starts_with("+++ ") || rest.starts_with("--- ") {
                continue;
            }
            if let Some(resumed) = rest.strip_prefix("<... ") {
                let (name, more) = resumed.split_once(" resumed>").with_context(wrong)?;
                let (_, text, call) = calls
                    .iter_mut()
                    .rev()
                    .find(|(of, _, call)| of == thread && call.ended.is_none())
                    .with_context(wrong)?;
                ensure!(call.name == name, "{}", wrong());
                text.push_str(more);
                call.ended = Some(number);
                continue;
            }
            let (name, text) = rest.split_once('(').with_context(wrong)?;
            let unfinished = text.strip_suffix(" <unfinished ...>");
            calls.push((
                thread.to_owned(),
                unfinished.unwrap_or(text).to_owned(),
                Call {
                    name: name.to_owned(),
                    args: Vec::new(),
                    result: String::new(),
                    began: number,
                    ended: unfinished.is_none().then_some(number),
                },
            ));
        }
        let read = |(_, text, mut call): (String, String, Call)| -> Result<Call> {
            let args = if call.ended.is_some() {
                let wrong = || format!("line {} of the trace: {text:.200}", call.began + 1);
                let (args, result) = text.rsplit_once(" = ").with_context(wrong)?;
                call.result = result.to_owned();
                args.trim_end().strip_suffix(')').with_context(wrong)?
            } else {
                &text
            };
            call.args = split(args);
            Ok(call)
        };
        Ok(Self(calls.into_iter().map(read).collect::<Result<_>>()?))
    }

    /// The calls that are called one of these names.
    pub fn named<'a>(&'a self, names: &'a [&str]) -> impl Iterator<Item = &'a Call> {
        self.0
            .iter()
            .filter(move |call| names.contains(&call.name.as_str()))
    }
}

impl Call {
    /// Whether it ended without an error.
    pub fn worked(&self) -> bool {
        self.ended.is_some() && !self.result.starts_with('-')
    }

    /// The file behind the first argument, or what else it stands for.
    pub fn file(&self) -> Option<&str> {
        self.args.first().and_then(|arg| annotation(arg))
    }

    /// All data in the arguments, one piece after the other.
    pub fn data(&self) -> Vec<u8> {
        self.args.iter().flat_map(|arg| quoted(arg)).collect()
    }

    /// Every path that the arguments name: a text counts from the folder that stands before it.
    pub fn paths(&self) -> Vec<PathBuf> {
        let mut paths = Vec::new();
        let mut folder: Option<&str> = None;
        for arg in &self.args {
            if arg.starts_with('"') {
                let name = String::from_utf8_lossy(&quoted(arg)).into_owned();
                paths.push(normal(&Path::new(folder.unwrap_or("/")).join(name)));
                folder = None;
                continue;
            }
            // A folder that no text follows was the thing itself.
            paths.extend(folder.take().map(|path| normal(Path::new(path))));
            folder = annotation(arg);
        }
        paths.extend(folder.map(|path| normal(Path::new(path))));
        paths
    }
}

/// What strace remarks of a file descriptor: `7</tmp/a>` stands for `/tmp/a`.
pub fn annotation(text: &str) -> Option<&str> {
    let (number, rest) = text.split_once('<')?;
    let known = number == "AT_FDCWD"
        || (!number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    known.then(|| rest.rsplit_once('>').map(|(path, _)| path))?
}

/// A path without `.` and `..`, read as text alone.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

/// Splits arguments at their commas, but not within texts, lists and structures.
fn split(args: &str) -> Vec<String> {
    let (mut found, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for (at, byte) in args.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.push(args[start..at].trim().to_owned());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(args[start..].trim().to_owned());
    found
}

/// The bytes of all texts in an argument.
fn quoted(arg: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = arg.as_bytes().iter().copied().peekable();
    let mut in_text = false;
    while let Some(byte) = rest.next() {
        match byte {
            b'"' => in_text = !in_text,
            _ if !in_text => {}
            b'\\' => match rest.next() {
                Some(b'n') => bytes.push(b'\n'),
                Some(b'r') => bytes.push(b'\r'),
                Some(b't') => bytes.push(b'\t'),
                Some(b'v') => bytes.push(0x0b),
                Some(b'f') => bytes.push(0x0c),
                Some(first @ b'0'..=b'7') => {
                    let mut value = first - b'0';
                    for _ in 0..2 {
                        let Some(digit) = rest.next_if(|next| matches!(next, b'0'..=b'7')) else {
                            break;
                        };
                        value = value.wrapping_mul(8).wrapping_add(digit - b'0');
                    }
                    bytes.push(value);
                }
                Some(other) => bytes.push(other),
                None => {}
            },
            other => bytes.push(other),
        }
    }
    bytes
}

/// The binary under strace.
#[derive(Debug)]
pub struct Strace {
    /// The running binary; stop it before the trace is read.
    pub sidecar: Sidecar,
    output: PathBuf,
}

impl Strace {
    /// Starts the binary, offline, under strace, as [`run`](Self::run) does.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn start(
        project: &Project,
        calls: &str,
        text: usize,
        args: &[&str],
    ) -> Result<Option<Self>> {
        Self::run(&Sidecar::command(project, args), project, calls, text)
    }

    /// Runs a command of the binary under strace, which is told of these calls alone (`-e trace=…`) and keeps so
    /// many bytes of each text. `None` where there is no strace.
    ///
    /// # Errors
    /// Also when there is no strace and `CI=true`: there nothing may be left out.
    #[expect(
        clippy::print_stdout,
        reason = "a test that is left out is named where its result would stand"
    )]
    pub fn run(
        plain: &Command,
        project: &Project,
        calls: &str,
        text: usize,
    ) -> Result<Option<Self>> {
        let there = Command::new("strace")
            .arg("-V")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        if !there {
            if std::env::var("CI").is_ok_and(|ci| ci == "true") {
                bail!("strace is not installed, and with CI=true nothing may be left out");
            }
            let thread = std::thread::current();
            let name = thread.name().unwrap_or("a traced test");
            println!("{name} is left out: strace is not installed");
            return Ok(None);
        }
        let output = project.outside().join("trace");
        let mut command = Command::new("strace");
        command
            .args(["-f", "-yy", "-s", &text.to_string(), "-e"])
            .arg(format!("trace={calls}"))
            .arg("-o")
            .arg(&output)
            .arg(plain.get_program())
            .args(plain.get_args())
            .env_clear();
        for (name, value) in plain.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        Ok(Some(Self {
            sidecar: Sidecar::spawn(command, project)?,
            output,
        }))
    }

    /// Stops the binary and reads what it did.
    pub fn stop(self) -> Result<Trace> {
        let status = self.sidecar.stop()?;
        ensure!(status.success(), "under strace it ended with {status}");
        Trace::parse(&std::fs::read_to_string(&self.output)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(name: &str, args: &[&str], result: &str, began: usize, ended: Option<usize>) -> Call {
        Call {
            name: name.to_owned(),
            args: args.iter().copied().map(str::to_owned).collect(),
            result: result.to_owned(),
            began,
            ended,
        }
    }

    #[test]
    fn calls_of_several_threads_are_put_together() -> Result<()> {
        let trace = Trace::parse(
            r#"7     openat(AT_FDCWD</tmp>, "a, b", O_RDONLY|O_CLOEXEC) = 3</tmp/a, b>
7     fsync(18</d/paige.db-wal> <unfinished ...>
12    write(2</dev/null>, "x) = 3\n", 7)          = 7
12    pwrite64(18</d/paige.db-wal>, "\0\1\"", 3, 0 <unfinished ...>
7     <... fsync resumed>)            = 0
7     --- SIGTERM {si_signo=SIGTERM, si_code=SI_USER} ---
12    <... pwrite64 resumed>)         = 3
12    unlink("/tmp/a")        = -1 ENOENT (No such file or directory)
12    writev(13<TCP:[127.0.0.1:1->127.0.0.1:2]>, [{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=1}], 2) = 3
7     fsync(18</d/paige.db-wal> <unfinished ...>
7     +++ killed by SIGKILL +++
"#,
        )?;
        assert_eq!(
            trace.0,
            [
                call(
                    "openat",
                    &["AT_FDCWD</tmp>", "\"a, b\"", "O_RDONLY|O_CLOEXEC"],
                    "3</tmp/a, b>",
                    0,
                    Some(0)
                ),
                call("fsync", &["18</d/paige.db-wal>"], "0", 1, Some(4)),
                call(
                    "write",
                    &["2</dev/null>", r#""x) = 3\n""#, "7"],
                    "7",
                    2,
                    Some(2)
                ),
                call(
                    "pwrite64",
                    &["18</d/paige.db-wal>", r#""\0\1\"""#, "3", "0"],
                    "3",
                    3,
                    Some(6)
                ),
                call(
                    "unlink",
                    &["\"/tmp/a\""],
                    "-1 ENOENT (No such file or directory)",
                    7,
                    Some(7)
                ),
                call(
                    "writev",
                    &[
                        "13<TCP:[127.0.0.1:1->127.0.0.1:2]>",
                        r#"[{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=1}]"#,
                        "2",
                    ],
                    "3",
                    8,
                    Some(8),
                ),
                call("fsync", &["18</d/paige.db-wal>"], "", 9, None),
            ]
        );
        assert_eq!(trace.0[3].data(), [0, 1, b'"']);
        assert_eq!(trace.0[5].data(), b"abc");
        assert_eq!(trace.0[5].file(), Some("TCP:[127.0.0.1:1->127.0.0.1:2]"));
        assert_eq!(
            trace.0.iter().map(Call::worked).collect::<Vec<_>>(),
            [true, true, true, true, false, true, false]
        );
        Ok(())
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in [
            "nonsense",
            "7 fsync(3)",
            "7 <... fsync resumed>) = 0",
            "7 read(3 <unfinished ...>\n7 <... fsync resumed>) = 0",
            "strace: Process 7 attached",
        ] {
            assert!(Trace::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn texts_are_read_as_the_bytes_they_stand_for() {
        let table: [(&str, &[u8]); 5] = [
            (r#""""#, b""),
            (r#""a\"b\\c\n\t\r\v\f""#, b"a\"b\\c\n\t\r\x0b\x0c"),
            (r#""\0\1\18\3777\303\251""#, b"\0\x01\x018\xff7\xc3\xa9"),
            (r#""cut"..."#, b"cut"),
            ("12", b""),
        ];
        for (text, expected) in table {
            assert_eq!(quoted(text), expected, "{text}");
        }
    }

    #[test]
    fn paths_count_from_the_folder_before_them() -> Result<()> {
        let table = [
            (r#"open("/a/../b/./c", O_RDONLY) = 3</b/c>"#, vec!["/b/c"]),
            (
                r#"renameat2(5</p>, ".x.tmp", 6</p/q>, "../r", RENAME_NOREPLACE) = 0"#,
                vec!["/p/.x.tmp", "/p/r"],
            ),
            (r#"symlinkat("/etc", 5</p>, "l") = 0"#, vec!["/etc", "/p/l"]),
            ("fchmod(9</p/a>, 0600) = 0", vec!["/p/a"]),
            (
                "utimensat(9</p/a>, NULL, [UTIME_NOW, UTIME_NOW], 0) = 0",
                vec!["/p/a"],
            ),
            (
                r#"openat(5</p>, "/etc/passwd", O_RDONLY) = 3"#,
                vec!["/etc/passwd"],
            ),
        ];
        for (line, expected) in table {
            let trace = Trace::parse(&format!("7 {line}"))?;
            let expected: Vec<_> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(trace.0[0].paths(), expected, "{line}");
        }
        Ok(())
    }
}
