//! Flows that break a safety rule, and who answers for it.

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Override;

/// A name or a reason shorter than this tells nobody anything.
const REASON_CHARS_MIN: usize = 8;

/// One of `flow_overrides:`. It stands here and not beside the flow, because who answers for a flow is not who wrote
/// it, and because an earlier version must be able to come back under an exception made today.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FlowOverride {
    /// Which flow.
    pub flow: String,
    /// Which rule it may break, as `careline flow prove` names it: `S5`, or `promise` for those of its own.
    pub rule: String,
    /// Who answers for it.
    pub by: String,
    /// Why callers are safe all the same. It stands in the audit log.
    pub reason: String,
    /// The last day it holds, `2027-01-31`. Afterwards the flow is refused at the next reload; what runs goes on and
    /// an alarm is raised.
    #[schemars(with = "String")]
    pub until: Date,
}

impl FlowOverride {
    /// What is wrong with it.
    pub fn mistake(&self) -> Option<String> {
        let Self { flow, rule, by, reason, .. } = self;
        if !flow::RULES.contains(&rule.as_str()) {
            let known = flow::RULES.join(", ");
            return Some(format!("`flow_overrides`: `{rule}` is no rule of `{flow}`: these are: {known}"));
        }
        if by.trim().is_empty() {
            return Some(format!(
                "`flow_overrides`: nobody answers for {flow} {rule}: write a name under `by`"
            ));
        }
        (reason.trim().chars().count() < REASON_CHARS_MIN).then(|| {
            format!("`flow_overrides`: {flow} {rule} gives no reason that somebody could follow: write one under `reason`")
        })
    }

    /// As it is told and counted.
    pub fn exception(&self) -> Override {
        Override {
            what: format!("{} {}", self.flow, self.rule),
            by: self.by.clone(),
            reason: self.reason.clone(),
            until: self.until,
            effect: "a flow that breaks a safety rule answers calls",
        }
    }
}
