//! A reading against its thresholds.

use super::Interpreter;
use super::state::Jump;
use crate::expression::Value;
use crate::flow::Judge;
use crate::{Action, Note};

impl Interpreter {
    /// The first threshold the reading is beyond decides; none of them: on.
    pub(super) fn judge(&mut self, judge: &Judge, out: &mut Vec<Action>) -> Option<Jump> {
        let count = judge.thresholds.len();
        let at = match self.frame.variables.get(&judge.variable).map(|value| value.expose().clone()) {
            Some(Value::Number(reading)) => {
                judge.thresholds.iter().position(|(beyond, _)| beyond.holds(reading)).unwrap_or(count)
            }
            Some(Value::Unknown(_)) => self.foresight.choose(count + 1),
            _ => return Some(Jump::Failed),
        };
        let crossed = judge.thresholds.get(at);
        let band = match crossed {
            Some((beyond, _)) => format!("{}_{}", beyond.word(), at + 1),
            None => "within".to_owned(),
        };
        out.push(Action::Noted(Note::Reading { vital: judge.vital.clone(), band: band.into() }));
        match crossed {
            Some((_, go)) => self.go(go, "threshold", out),
            None => Some(Jump::Next("next")),
        }
    }
}
