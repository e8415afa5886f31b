//! Highlighted lines and marked files: state that ends with the session (decisions, "Highlights and
//! hints are state").
//!
//! A highlight belongs to lines, and lines move while the human types. The text that the numbers
//! belong to is kept beside them, and they are moved to the present text when somebody asks, not at
//! every key: *settling*.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    sync::Arc,
};

use paige_protocol::{
    ProjectPath,
    coach::{
        Action, ServerMessage,
        connection::Empty,
        editor::{ClearHighlights, HighlightLines, HighlightRange, HintFiles},
        session::{FileHighlights, FileHint},
        tools::{ClearHighlightsArgs, HighlightLinesArgs, HintFilesArgs},
    },
};
use paige_store::{
    StoreError,
    coach::{
        Origin,
        marks::{self as rows, Filter, Mark, NewMark},
    },
};
use paige_workspace::diff::{DiffConfig, map_lines};

use crate::{
    Coach, CoachError, convert,
    guard::{Said, note, refuse_early_sketch, skipped_rung},
    log, push,
    session::still_active,
    teach::Text,
};

/// The rung of a highlight that names none (decisions, "Rungs").
const DEFAULT_RUNG: u8 = 2;

/// The marks of the active session.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    lines: BTreeMap<ProjectPath, Marked>,
    files: Vec<Mark>,
}

/// The highlights of one file.
#[derive(Debug)]
struct Marked {
    /// The text that their numbers belong to; unknown until the file is first read.
    text: Option<Arc<str>>,
    marks: Vec<Mark>,
}

/// Highlights that have moved, to be written down: where to, or that they are gone.
type Moved = Vec<(u32, Option<(u32, u32)>)>;

impl Marks {
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Lets the marks follow renamed files.
    pub(crate) fn rename(&mut self, follow: impl Fn(&ProjectPath) -> Option<ProjectPath>) {
        self.lines = std::mem::take(&mut self.lines)
            .into_iter()
            .map(|(path, mut marked)| {
                let path = follow(&path).unwrap_or(path);
                for mark in &mut marked.marks {
                    mark.path = path.to_string();
                }
                (path, marked)
            })
            .collect();
        for mark in &mut self.files {
            if let Some(path) = ProjectPath::parse(&mark.path)
                .ok()
                .and_then(|path| follow(&path))
            {
                mark.path = path.into();
            }
        }
    }

    fn add(&mut self, path: &ProjectPath, text: Option<Arc<str>>, marks: Vec<Mark>) {
        let marked = self.lines.entry(path.clone()).or_insert_with(|| Marked {
            text: None,
            marks: Vec::new(),
        });
        marked.text = text.or(marked.text.take());
        marked.marks.extend(marks);
    }

    /// Moves the highlights of a file to its present text.
    fn settle(&mut self, path: &ProjectPath, now: Arc<str>, moved: &mut Moved) {
        let Some(marked) = self.lines.get_mut(path) else {
            return;
        };
        let Some(before) = marked.text.replace(now.clone()) else {
            return;
        };
        if before == now {
            return;
        }
        let ranges: Vec<RangeInclusive<u32>> = marked
            .marks
            .iter()
            .filter_map(lines)
            .map(|(start, end)| start..=end)
            .collect();
        let mut places = map_lines(&before, &now, &ranges, &DiffConfig::default()).into_iter();
        marked.marks.retain_mut(|mark| {
            let Some(old) = lines(mark) else {
                return true;
            };
            let new = places.next().flatten().map(RangeInclusive::into_inner);
            if new != Some(old) {
                moved.push((mark.id, new));
            }
            if let Some((start, end)) = new {
                mark.line_start = Some(start);
                mark.line_end = Some(end);
            }
            new.is_some()
        });
    }

    /// Takes away Claude's highlights, of one file or of all.
    fn clear_lines(&mut self, path: Option<&ProjectPath>) {
        for (marked_path, marked) in &mut self.lines {
            if path.is_none_or(|path| path == marked_path) {
                marked.marks.retain(|mark| mark.origin != Origin::Claude);
            }
        }
        self.lines.retain(|_, marked| !marked.marks.is_empty());
    }

    /// What a file, or every file, shows beside Claude's highlights: clients clear all that a file
    /// shows, so that this is to be shown again.
    fn without_claude(&self, path: Option<&ProjectPath>) -> Vec<FileHighlights> {
        self.shown(|file, mark| {
            mark.origin != Origin::Claude && path.is_none_or(|path| path == file)
        })
    }

    /// What is highlighted.
    pub(crate) fn highlights(&self) -> Vec<FileHighlights> {
        self.shown(|_, _| true)
    }

    fn shown(&self, wanted: impl Fn(&ProjectPath, &Mark) -> bool) -> Vec<FileHighlights> {
        self.lines
            .iter()
            .map(|(path, marked)| FileHighlights {
                path: path.to_string(),
                ranges: marked
                    .marks
                    .iter()
                    .filter(|mark| mark.shown && wanted(path, mark))
                    .filter_map(convert::highlight)
                    .collect(),
            })
            .filter(|file| !file.ranges.is_empty())
            .collect()
    }

    /// Which files are marked.
    pub(crate) fn file_hints(&self) -> Vec<FileHint> {
        let shown = self.files.iter().filter(|mark| mark.shown);
        shown.filter_map(convert::file_hint).collect()
    }
}

fn lines(mark: &Mark) -> Option<(u32, u32)> {
    Some((mark.line_start?, mark.line_end?))
}

impl Coach {
    /// Highlights lines, beside those that are highlighted already (spec: story 6, AC 9). Answers what to
    /// mind next time, if anything.
    ///
    /// # Errors
    /// Without an active session, when the file is not there, with lines that make no sense, or with a hover
    /// text that is too much for the learner.
    pub async fn highlight_lines(
        &self,
        args: HighlightLinesArgs,
    ) -> Result<Option<String>, CoachError> {
        let path = self.path(&args.path)?;
        let default_rung = checked_rung(args.rung)?;
        if args.ranges.is_empty() {
            return Err(CoachError::InvalidArgument(
                "`ranges` is empty. Name at least one range of lines.".into(),
            ));
        }
        let mut ranges = Vec::with_capacity(args.ranges.len());
        for range in args.ranges {
            let mut range = HighlightRange::from(range);
            if range.start == 0 || range.end < range.start {
                return Err(CoachError::InvalidArgument(format!(
                    "Lines {} to {} make no range: lines count from 1, and the last is not before the first.",
                    range.start, range.end
                )));
            }
            range.rung = Some(match range.rung {
                Some(rung) => checked_rung(Some(rung))?,
                None => default_rung,
            });
            ranges.push(range);
        }
        let rungs: BTreeSet<u8> = ranges.iter().filter_map(|range| range.rung).collect();
        let hovers = ranges.iter().filter_map(|range| {
            Some(Said {
                text: range.hover_text.clone()?,
                kind: Text::HoverText,
                rung: range.rung.unwrap_or(DEFAULT_RUNG),
            })
        });
        let hovers: Vec<Said> = hovers.collect();
        if !hovers.is_empty() {
            self.check_texts(self.active()?.id, Some(&path), hovers)
                .await?;
        }
        let _rules = self.0.rules.lock().await;
        let session = self.active()?.id;
        let text = self.current_text(&path)?;
        self.settle(&path, text.clone());
        let marked = path.clone();
        let (added, skipped) = self
            .commit(move |unit| {
                let row = still_active(unit, session)?;
                refuse_early_sketch(unit, &row, &rungs)?;
                let skipped = skipped_rung(unit, session, &rungs)?;
                let mut added = Vec::with_capacity(ranges.len());
                for range in &ranges {
                    added.push(rows::add(
                        unit,
                        &NewMark {
                            session_id: session,
                            hint_id: None,
                            path: marked.to_string(),
                            lines: Some((range.start, range.end)),
                            style: convert::tone_style(range.style),
                            hover_text: range.hover_text.clone(),
                            origin: Origin::Claude,
                            rung: range.rung.unwrap_or(DEFAULT_RUNG).into(),
                            shown: true,
                        },
                    )?);
                }
                log(
                    unit,
                    Some(session),
                    &Action::DecorationsApplied {
                        path: marked.to_string(),
                        line_count: ranges
                            .iter()
                            .map(|range| range.end - range.start + 1)
                            .fold(0, u32::saturating_add),
                        rungs: rungs.into_iter().collect(),
                        skipped_rung: skipped,
                    },
                )?;
                push(
                    unit,
                    &ServerMessage::HighlightLines(HighlightLines {
                        path: marked.to_string(),
                        ranges,
                    }),
                )?;
                Ok::<_, CoachError>((added, skipped))
            })
            .await?;
        self.0.marks.lock().add(&path, Some(text), added);
        Ok(skipped.map(note))
    }

    /// Takes Claude's highlights away (spec: story 6, AC 10).
    ///
    /// # Errors
    /// Without an active session.
    pub async fn clear_highlights(&self, args: ClearHighlightsArgs) -> Result<(), CoachError> {
        let path = args
            .path
            .as_deref()
            .map(|path| self.path(path))
            .transpose()?;
        let _rules = self.0.rules.lock().await;
        let session = self.active()?.id;
        let left = self.0.marks.lock().without_claude(path.as_ref());
        let cleared = path.clone();
        self.commit(move |unit| {
            let path = cleared.as_ref().map(ToString::to_string);
            let claudes = Filter {
                origin: Some(Origin::Claude),
                at_lines: Some(true),
                path: path.as_deref(),
            };
            rows::clear(unit, session, &claudes)?;
            log(
                unit,
                Some(session),
                &Action::DecorationsCleared { path: path.clone() },
            )?;
            push(
                unit,
                &ServerMessage::ClearHighlights(ClearHighlights { path }),
            )?;
            for file in left {
                push(
                    unit,
                    &ServerMessage::HighlightLines(HighlightLines {
                        path: file.path,
                        ranges: file.ranges,
                    }),
                )?;
            }
            Ok::<_, CoachError>(())
        })
        .await?;
        self.0.marks.lock().clear_lines(path.as_ref());
        Ok(())
    }

    /// Marks files in the file list (spec: story 6, AC 11).
    ///
    /// # Errors
    /// Without an active session, or without a file. A file that is not there may be marked: it may
    /// be about to be made.
    pub async fn hint_files(&self, args: HintFilesArgs) -> Result<(), CoachError> {
        if args.paths.is_empty() {
            return Err(CoachError::InvalidArgument(
                "`paths` is empty. Name at least one file.".into(),
            ));
        }
        let paths = args
            .paths
            .iter()
            .map(|path| self.path(path).map(String::from))
            .collect::<Result<Vec<_>, _>>()?;
        let style = args.style;
        let _rules = self.0.rules.lock().await;
        let session = self.active()?.id;
        let added = self
            .commit(move |unit| {
                still_active(unit, session)?;
                let mut added = Vec::with_capacity(paths.len());
                for path in &paths {
                    added.push(rows::add(
                        unit,
                        &NewMark {
                            session_id: session,
                            hint_id: None,
                            path: path.clone(),
                            lines: None,
                            style: convert::file_style(style),
                            hover_text: None,
                            origin: Origin::Claude,
                            rung: 1,
                            shown: true,
                        },
                    )?);
                }
                log(
                    unit,
                    Some(session),
                    &Action::FileHintsApplied {
                        paths: paths.clone(),
                        style,
                    },
                )?;
                push(unit, &ServerMessage::HintFiles(HintFiles { paths, style }))?;
                Ok::<_, CoachError>(added)
            })
            .await?;
        self.0.marks.lock().files.extend(added);
        Ok(())
    }

    /// Takes Claude's marks of files away (spec: story 6, AC 12).
    ///
    /// # Errors
    /// Without an active session.
    pub async fn clear_hints(&self) -> Result<(), CoachError> {
        let _rules = self.0.rules.lock().await;
        let session = self.active()?.id;
        let left: Vec<Mark> = {
            let marks = self.0.marks.lock();
            let others = |mark: &&Mark| mark.origin != Origin::Claude;
            marks.files.iter().filter(others).cloned().collect()
        };
        let shown: Vec<FileHint> = left
            .iter()
            .filter(|mark| mark.shown)
            .filter_map(convert::file_hint)
            .collect();
        self.commit(move |unit| {
            let claudes = Filter {
                origin: Some(Origin::Claude),
                at_lines: Some(false),
                path: None,
            };
            rows::clear(unit, session, &claudes)?;
            log(unit, Some(session), &Action::FileHintsCleared {})?;
            push(unit, &ServerMessage::ClearHints(Empty {}))?;
            for hint in shown {
                push(
                    unit,
                    &ServerMessage::HintFiles(HintFiles {
                        paths: vec![hint.path],
                        style: hint.style,
                    }),
                )?;
            }
            Ok::<_, CoachError>(())
        })
        .await?;
        self.0.marks.lock().files = left;
        Ok(())
    }

    /// Moves highlights to the present text of their files, of some files or of all.
    pub(crate) fn settle_marks(&self, only: Option<&BTreeSet<ProjectPath>>) {
        let paths: Vec<ProjectPath> = {
            let marks = self.0.marks.lock();
            let wanted = |path: &&ProjectPath| only.is_none_or(|only| only.contains(*path));
            marks.lines.keys().filter(wanted).cloned().collect()
        };
        for path in paths {
            // A file that cannot be read now keeps its highlights as they are.
            if let Ok(text) = self.current_text(&path) {
                self.settle(&path, text);
            }
        }
    }

    /// Moves the highlights of a file to this text of it, and writes down where they are now. One
    /// that was taken away meanwhile has no row any more, and needs none.
    fn settle(&self, path: &ProjectPath, text: Arc<str>) {
        let mut moved = Moved::default();
        self.0.marks.lock().settle(path, text, &mut moved);
        if moved.is_empty() {
            return;
        }
        self.0.store.write_behind("moved highlights", move |unit| {
            for (id, lines) in moved {
                match lines {
                    Some(lines) => rows::set_lines(unit, id, lines)?,
                    None => rows::delete(unit, id)?,
                };
            }
            Ok::<_, StoreError>(())
        });
    }

    /// Reads the marks again after rules have changed their rows. They were settled before, so that
    /// their lines belong to the present texts.
    pub(crate) fn reload_marks(&self) -> Result<(), CoachError> {
        self.0.marks.lock().clear();
        self.load_marks()
    }

    /// Reads the marks of a session that goes on.
    pub(crate) fn load_marks(&self) -> Result<(), CoachError> {
        let Some(session) = self.active_session_id() else {
            return Ok(());
        };
        let rows = self
            .0
            .store
            .read(|reader| rows::by_session(reader, session))?;
        let mut marks = self.0.marks.lock();
        for mark in rows {
            if mark.line_start.is_none() {
                marks.files.push(mark);
            } else if let Ok(path) = ProjectPath::parse(&mark.path) {
                let text = self.current_text(&path).ok();
                marks.add(&path, text, vec![mark]);
            }
        }
        Ok(())
    }
}

/// A rung from 1 to 4; 2 when none is given.
pub(crate) fn checked_rung(rung: Option<u8>) -> Result<u8, CoachError> {
    match rung {
        None => Ok(DEFAULT_RUNG),
        Some(rung @ 1..=4) => Ok(rung),
        Some(rung) => Err(CoachError::InvalidArgument(format!(
            "There is no rung {rung}: 1 says where, 2 what to look at, 3 how to think about it, 4 gives a shape."
        ))),
    }
}
