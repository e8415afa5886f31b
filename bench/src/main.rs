//! `cargo xtask bench`: what Paige must reach, and what it does reach.
//!
//! The sidecar as it ships is started on temporary projects and driven over its sockets. Next to it,
//! in the same run and by the same clients, bare servers that do the least possible are measured:
//! figures move by a factor of two from run to run on shared machines, ratios do not.

mod bare;
mod disk;
mod figure;
mod http;
mod mcp;
mod process;
mod rows;
mod samples;
mod scene;
mod ws;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::{Context as _, Result, bail};

use self::{
    figure::{Figure, Verdict, table},
    rows::{ROWS, Row},
    scene::{Scene, is_memory},
};

const USAGE: &str = "\
The benchmark of the built sidecar:

  paige-bench                    measure everything and print the table
  paige-bench --only ROW         one row of it; may be repeated
  paige-bench --quick            a tenth of the rounds: rough figures, so that none fails it
  paige-bench --sidecar FILE     the program to measure; the one beside this one by default
  paige-bench --list             the rows

It fails when a row cannot be measured, or when a figure misses its must.";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match perform(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn perform(args: &[&str]) -> Result<()> {
    match args {
        ["serve-bare", kind, project] => bare::serve(kind, project.into()),
        ["--list"] => {
            for row in &ROWS {
                say(&format!("{:<12} {}", row.name, row.about));
            }
            Ok(())
        }
        ["help" | "--help" | "-h"] => {
            say(USAGE);
            Ok(())
        }
        options => measure(&Options::read(options)?),
    }
}

struct Options {
    rows: Vec<&'static Row>,
    quick: bool,
    sidecar: PathBuf,
}

impl Options {
    fn read(mut options: &[&str]) -> Result<Self> {
        let (mut rows, mut quick, mut sidecar) = (Vec::new(), false, None);
        while let [option, rest @ ..] = options {
            options = match (*option, rest) {
                ("--quick", rest) => {
                    quick = true;
                    rest
                }
                ("--only", [name, rest @ ..]) => {
                    let row = ROWS.iter().find(|row| row.name == *name);
                    rows.push(row.with_context(|| {
                        format!("There is no row `{name}`; `--list` prints the rows.")
                    })?);
                    rest
                }
                ("--sidecar", [file, rest @ ..]) => {
                    sidecar = Some(PathBuf::from(file));
                    rest
                }
                _ => bail!("There is no option `{option}`, or its value is missing.\n\n{USAGE}"),
            };
        }
        let sidecar = match sidecar {
            Some(sidecar) => sidecar,
            None => beside("paige-sidecar")?,
        };
        if rows.is_empty() {
            rows = ROWS.iter().collect();
        }
        Ok(Self {
            rows,
            quick,
            sidecar,
        })
    }
}

/// A program in the folder of this one.
fn beside(name: &str) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let name = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    Ok(own.with_file_name(name))
}

/// Prints the table.
///
/// # Errors
/// When a row could not be measured, and, unless the figures are rough ones, when one missed its must.
fn measure(options: &Options) -> Result<()> {
    if !options.sidecar.is_file() {
        bail!(
            "{} is missing; build it by `cargo build --release --package paige-sidecar`, or use `cargo xtask bench`.",
            options.sidecar.display()
        );
    }
    if is_memory(&std::env::temp_dir())? {
        progress(
            "Flushing costs almost nothing in the folder of temporary files, so that durable \
             figures mean little. Set TMPDIR to a folder on a disk.",
        );
    }
    let scene = Scene::new(options.sidecar.clone(), options.quick);
    let before = load();
    let (mut figures, mut missed, mut unmeasured) = (Vec::new(), Vec::new(), Vec::new());
    for row in &options.rows {
        progress(&format!("{}: {} …", row.name, row.about));
        let start = Instant::now();
        match (row.measure)(&scene) {
            Ok(measured) => {
                let misses = |figure: &&Figure| figure.verdict == Verdict::Missed;
                missed.extend(
                    measured
                        .iter()
                        .filter(misses)
                        .map(|figure| format!("{} (row `{}`)", figure.name, row.name)),
                );
                figures.extend(measured);
            }
            Err(error) => {
                progress(&format!("{} could not be measured: {error:#}", row.name));
                unmeasured.push(format!("`{}`", row.name));
            }
        }
        progress(&format!(
            "{}: {:.1} s",
            row.name,
            start.elapsed().as_secs_f64()
        ));
    }
    say(&table(&figures));
    say(&format!(
        "Measured on {} cores; load average {before} before and {} after. Ratios are to the \
         comparator of the same run; where a target is in microseconds or messages a second, the \
         ratio decides.{}",
        std::thread::available_parallelism().map_or(0, usize::from),
        load(),
        if options.quick {
            " A tenth of the rounds."
        } else {
            ""
        }
    ));
    if options.quick {
        // Rough figures prove nothing.
        missed.clear();
    }
    judge(&missed, &unmeasured)
}

/// Fails when something is wrong, and names it.
fn judge(missed: &[String], unmeasured: &[String]) -> Result<()> {
    let mut wrong = Vec::new();
    if !missed.is_empty() {
        wrong.push(format!("Missed what it must reach: {}.", missed.join("; ")));
    }
    if !unmeasured.is_empty() {
        wrong.push(format!("Could not be measured: {}.", unmeasured.join(", ")));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{}", wrong.join("\n"))
}

/// The load average of the last minute: on a busy machine 99th percentiles mean little.
fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or("unknown").to_owned()
}

/// Says something on stdout, which holds nothing but the table and how it came about.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn say(text: &str) {
    println!("{text}");
}

/// Says on stderr where the measuring is.
#[expect(clippy::print_stderr, reason = "a person waits for minutes")]
fn progress(text: &str) {
    eprintln!("{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let read = |options: &[&str]| {
            let options = Options::read(options)?;
            anyhow::Ok((options.rows.len(), options.quick, options.sidecar))
        };
        let own = beside("paige-sidecar").expect("this program has a place");
        assert_eq!(read(&[]).expect("none"), (ROWS.len(), false, own.clone()));
        assert_eq!(
            read(&["--only", "start", "--quick", "--only", "push"]).expect("all good"),
            (2, true, own)
        );
        for wrong in [&["--only"][..], &["--only", "no row"], &["--quik"]] {
            read(wrong).expect_err("it is wrong");
        }
    }

    #[test]
    fn what_is_missed_or_not_measured_fails_by_name() {
        judge(&[], &[]).expect("nothing is wrong");
        let missed = [
            "a save (row `save`)".to_owned(),
            "idle (row `idle`)".to_owned(),
        ];
        let error = |missed: &[String], unmeasured: &[String]| {
            judge(missed, unmeasured)
                .expect_err("something is wrong")
                .to_string()
        };
        assert_eq!(
            error(&missed, &[]),
            "Missed what it must reach: a save (row `save`); idle (row `idle`)."
        );
        assert_eq!(
            error(&missed[..1], &["`mcp`".to_owned()]),
            "Missed what it must reach: a save (row `save`).\nCould not be measured: `mcp`."
        );
    }

    #[test]
    fn rows_have_names_of_their_own() {
        let mut names: Vec<_> = ROWS.iter().map(|row| row.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ROWS.len());
    }
}
