//! What a flow wants remembered of a call, for whoever counts calls or reads about one later.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

/// Something to be remembered. Nothing in it is private: names of the flow, and answers on a scale.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub enum Note {
    /// `measure`: the call has come this far.
    Milestone(Arc<str>),
    /// `log`: a sentence of the flow's author.
    Logged(Arc<str>),
    /// `disposition`: what became of the caller's concern, a code of `dispositions.yaml`.
    Disposition(Arc<str>),
    /// `survey`: an answer, 1 to 5, or 1 for yes and 2 for no.
    Answered {
        /// The survey.
        survey: Arc<str>,
        /// What is measured: `csat`, `fcr`.
        question: Arc<str>,
        /// The key pressed.
        answer: char,
    },
    /// `vitals`: which side of a threshold a reading was. The reading itself is the caller's.
    Reading {
        /// What was read: `weight`.
        vital: Arc<str>,
        /// `within`, or `above_3`: the number of the threshold, from 1.
        band: Arc<str>,
    },
    /// `fail`: the flow itself says that it cannot go on.
    Failed(Arc<str>),
}

impl Note {
    /// `milestone`, `log`, `disposition`, `survey`, `vital`, `fail`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Milestone(_) => "milestone",
            Self::Logged(_) => "log",
            Self::Disposition(_) => "disposition",
            Self::Answered { .. } => "survey",
            Self::Reading { .. } => "vital",
            Self::Failed(_) => "fail",
        }
    }

    /// What it is about: the milestone, the code, the question.
    pub fn name(&self) -> String {
        match self {
            Self::Milestone(name) | Self::Logged(name) | Self::Disposition(name) | Self::Failed(name) => {
                name.to_string()
            }
            Self::Answered { survey, question, .. } => format!("{survey}.{question}"),
            Self::Reading { vital, .. } => vital.to_string(),
        }
    }

    /// The answer, or the band; where there is one.
    pub fn value(&self) -> Option<String> {
        match self {
            Self::Answered { answer, .. } => Some(answer.to_string()),
            Self::Reading { band, .. } => Some(band.to_string()),
            Self::Milestone(_) | Self::Logged(_) | Self::Disposition(_) | Self::Failed(_) => None,
        }
    }
}

/// As `expect: { notes: … }` of a test has it: `milestone triaged`, `survey after_nurse.csat 5`.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())?;
        self.value().map_or(Ok(()), |value| write!(f, " {value}"))
    }
}
