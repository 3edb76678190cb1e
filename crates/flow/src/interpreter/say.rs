//! Values between recorded prompts, in the caller's language.

use std::sync::Arc;

use super::{Foresight, Interpreter};
use crate::PromptRef;
use crate::speech::{self, Misfit};
use crate::words::{Word, Words};

impl Interpreter {
    /// What words sound like now. A value that does not fit its form is no sentence: the step fails instead of
    /// leaving a gap in it.
    pub(super) fn spoken(&mut self, words: &Words) -> Result<Vec<PromptRef>, Misfit> {
        let values = self.values();
        let mut names: Vec<Arc<str>> = Vec::new();
        for word in &words.0 {
            match word {
                Word::Prompt(name) => names.push(name.clone()),
                Word::Value { form, text, longest } => match text.known_text(&values) {
                    Ok(Some(text)) => names.extend(speech::pieces(*form, &self.language, &text)?),
                    // A proof: the longest that could be said, or a value that does not fit.
                    Ok(None) if self.foresight.choose(2) == 0 => {
                        names.extend(longest.get(&self.language).into_iter().flatten().cloned());
                    }
                    Ok(None) | Err(_) => return Err(Misfit),
                },
            }
        }
        Ok(names.into_iter().map(|name| PromptRef { language: self.language.clone(), name }).collect())
    }

    /// In a proof, where digits stand for all that could be keyed in.
    pub(super) fn is_foreseen(&self) -> bool {
        matches!(self.foresight, Foresight::Proof(_))
    }
}
