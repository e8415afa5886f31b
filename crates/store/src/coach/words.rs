//! The words that the tables store.

use crate::row::words;

words! {
    /// What has become of a session.
    pub enum SessionStatus {
        /// It runs; at most one does.
        Active = "active",
        /// It has ended, and its wrap-up is not done.
        Ending = "ending",
        /// It has ended and was wrapped up.
        Completed = "completed",
        /// It has ended, and a part of its wrap-up failed.
        CompletedWithErrors = "completed_with_errors",
        /// It was given up for another, or left behind by another project.
        Abandoned = "abandoned",
    }
}

words! {
    /// Who started a session.
    pub enum StartedBy {
        /// Claude Code's hook.
        Hook = "hook",
        /// A tool call.
        Mcp = "mcp",
        /// The user, in the UI.
        Ui = "ui",
    }
}

words! {
    /// How much help is shown; ordered from none to most.
    pub enum HintLevel {
        /// Nothing.
        Off = "off",
        /// Files.
        Low = "low",
        /// Lines as well.
        Medium = "medium",
        /// Hover texts as well.
        High = "high",
    }
}

words! {
    /// Who set the present hint level.
    pub enum HintLevelSource {
        /// The user; wins until the session ends.
        User = "user",
        /// The plan's phase.
        Phase = "phase",
        /// Fading, after help in the phase before.
        Fading = "fading",
        /// The first level of the session, by stage.
        Start = "start",
    }
}

words! {
    /// How far a phase is; only ever forward.
    pub enum PhaseStatus {
        /// Not begun.
        Pending = "pending",
        /// Under way; at most one of a plan is.
        Active = "active",
        /// Done.
        Complete = "complete",
    }
}

words! {
    /// What a phase's hint points at.
    pub enum HintType {
        /// A file.
        File = "file",
        /// Lines of a file.
        Line = "line",
    }
}

words! {
    /// How a hint or highlight looks: the file styles and the line styles together.
    pub enum Style {
        /// A file worth a look.
        Suggested = "suggested",
        /// A file that must be looked at.
        Required = "required",
        /// Neutral.
        Info = "info",
        /// A hint.
        Hint = "hint",
        /// Well done.
        Success = "success",
        /// Beware.
        Warning = "warning",
        /// Wrong.
        Error = "error",
    }
}

words! {
    /// A Dreyfus stage; ordered, stored in Title Case.
    pub enum Stage {
        /// Follows rules.
        Novice = "Novice",
        /// Sees recurring situations.
        AdvancedBeginner = "Advanced Beginner",
        /// Plans and chooses.
        Competent = "Competent",
        /// Sees the whole.
        Proficient = "Proficient",
        /// Acts from intuition.
        Expert = "Expert",
    }
}

impl Stage {
    /// The stage of a word in any case, with blanks, underscores or hyphens.
    pub fn parse_any(text: &str) -> Option<Self> {
        let plain = |text: &str| text.trim().replace(['_', '-'], " ").to_lowercase();
        let wanted = plain(text);
        Self::ALL
            .iter()
            .copied()
            .find(|stage| plain(stage.as_str()) == wanted)
    }
}

words! {
    /// How much a knowledge gap stands in the way; ordered.
    pub enum Severity {
        /// A little.
        Low = "low",
        /// Noticeably.
        Medium = "medium",
        /// Very much.
        High = "high",
    }
}

words! {
    /// What a kata asks for.
    pub enum KataKind {
        /// Write code.
        Code = "code",
        /// Find, explain and fix a planted fault.
        Debug = "debug",
        /// Explain code.
        Explain = "explain",
        /// Answer questions.
        Quiz = "quiz",
    }
}

words! {
    /// Whether a kata has been shown to work.
    pub enum KataProof {
        /// Nobody has run it.
        Unproven = "unproven",
        /// Its tests fail on what the learner starts from, and pass on its solution.
        Proven = "proven",
    }
}

words! {
    /// A step of the wrap-up.
    pub enum Agent {
        /// Finds knowledge gaps and makes katas.
        KnowledgeGap = "knowledge_gap",
        /// Assesses the stages.
        Dreyfus = "dreyfus",
        /// Writes memories.
        Reflection = "reflection",
    }
}

words! {
    /// How far a step of the wrap-up is.
    pub enum JobStatus {
        /// To be done, perhaps again.
        Pending = "pending",
        /// Done.
        Done = "done",
        /// Given up; [`wrap_up`](super::wrap_up) has the errors.
        Failed = "failed",
    }
}

words! {
    /// What a learning material is.
    pub enum MaterialType {
        /// A video.
        Youtube = "youtube",
        /// Something to read.
        Article = "article",
    }
}

words! {
    /// What has become of a learning material.
    pub enum MaterialStatus {
        /// Still to be looked at.
        Pending = "pending",
        /// Its question was answered.
        Completed = "completed",
        /// Not wanted.
        Dismissed = "dismissed",
    }
}

words! {
    /// Who put a mark there; each withdraws only its own.
    pub enum Origin {
        /// A tool call.
        Claude = "claude",
        /// A phase's hint.
        Phase = "phase",
    }
}

words! {
    /// Who opened a file.
    pub enum OpenedBy {
        /// The human.
        User = "user",
        /// Claude, for the human to look at.
        Claude = "claude",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_known_in_any_spelling() {
        let check = |text, expected| assert_eq!(Stage::parse_any(text), expected, "{text}");
        check("Novice", Some(Stage::Novice));
        check("advanced_beginner", Some(Stage::AdvancedBeginner));
        check("ADVANCED BEGINNER", Some(Stage::AdvancedBeginner));
        check(" Advanced-Beginner ", Some(Stage::AdvancedBeginner));
        check("expert", Some(Stage::Expert));
        check("Master", None);
    }

    #[test]
    fn every_word_is_its_own_value() {
        for style in Style::ALL {
            assert_eq!(Style::parse(style.as_str()), Some(*style));
        }
        assert_eq!(Style::parse("Info"), None);
        assert!(HintLevel::Low < HintLevel::High);
    }
}
