//! Who may supervise, and what she dials for it.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How an agent's conversation is supervised: by whom, and what is dialled before the agent's name.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisionConfig {
    /// The agents who may; their phones prove who they are. Default nobody.
    pub supervisors: BTreeSet<String>,
    /// Dialled before an agent's name: hear both, heard by nobody. Default `*71`.
    pub listen: String,
    /// The same: hear both, heard by the agent alone. Default `*72`.
    pub whisper: String,
    /// The same: hear both, heard by both. Default `*73`.
    pub barge: String,
    /// Digits that stand for an agent's name after one of these, for phones without letters. Default none.
    pub agents: BTreeMap<String, String>,
    /// Whether only callers are supervised who agreed to be recorded or heard a disclosure to its end, and did not
    /// decline. Default true: some states take a listener for a recording.
    pub requires_consent: bool,
}

impl Default for SupervisionConfig {
    fn default() -> Self {
        Self {
            supervisors: BTreeSet::new(),
            listen: "*71".to_owned(),
            whisper: "*72".to_owned(),
            barge: "*73".to_owned(),
            agents: BTreeMap::new(),
            requires_consent: true,
        }
    }
}

impl SupervisionConfig {
    /// What is wrong with it, for its author.
    pub fn check<'c>(
        &self,
        is_agent: impl Fn(&str) -> bool,
        mut codes: impl Iterator<Item = &'c String>,
    ) -> Result<(), String> {
        let named = self.supervisors.iter().chain(self.agents.values());
        if let Some(name) = named.into_iter().find(|name| !is_agent(name)) {
            return Err(format!("`supervision:` names `{name}`, who is none of `agents:`: add her there"));
        }
        if let Some(digits) = self.agents.keys().find(|digits| !is_digits(digits)) {
            return Err(format!("`supervision.agents`: `{digits}` must be one to eight digits"));
        }
        let ours = [&self.listen, &self.whisper, &self.barge];
        let is_code =
            |code: &str| code.strip_prefix('*').is_some_and(|digits| is_digits(digits) && digits.len() <= 4);
        if let Some(code) = ours.into_iter().find(|code| !is_code(code)) {
            return Err(format!("supervision code `{code}` must be a star and one to four digits"));
        }
        let is_same = |a: &str, b: &str| a.starts_with(b) || b.starts_with(a);
        let [listen, whisper, barge] = ours;
        let is_ambiguous = is_same(listen, whisper) || is_same(listen, barge) || is_same(whisper, barge);
        let taken = codes.find(|code| ours.into_iter().any(|ours| is_same(code, ours)));
        if is_ambiguous || taken.is_some() {
            return Err(
                "a supervision code begins like another one or like a feature code: no phone could tell \
                        them apart"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// What somebody dialled: how she supervises, and whom by name. `None`: it is no supervision.
    pub(crate) fn dialled<'d>(&'d self, dialled: &'d str) -> Option<(Mode, &'d str)> {
        let codes =
            [(Mode::Listen, &self.listen), (Mode::Whisper, &self.whisper), (Mode::Barge, &self.barge)];
        let (mode, whom) =
            codes.into_iter().find_map(|(mode, code)| Some((mode, dialled.strip_prefix(code.as_str())?)))?;
        let name = self.agents.get(whom).map_or(whom, String::as_str);
        (!name.is_empty()).then_some((mode, name))
    }
}

fn is_digits(text: &str) -> bool {
    (1..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// By whom a supervisor is heard. She hears both always.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Mode {
    /// By nobody.
    Listen,
    /// By the agent alone.
    Whisper,
    /// By all.
    Barge,
}

impl Mode {
    /// What a key of her phone changes it to.
    pub(crate) const fn of_key(key: char) -> Option<Self> {
        match key {
            '1' => Some(Self::Listen),
            '2' => Some(Self::Whisper),
            '3' => Some(Self::Barge),
            _ => None,
        }
    }

    /// For the log.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Whisper => "whisper",
            Self::Barge => "barge",
        }
    }

    /// How many beeps tell her: as the key.
    pub(crate) const fn beeps(self) -> u32 {
        match self {
            Self::Listen => 1,
            Self::Whisper => 2,
            Self::Barge => 3,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Mode, SupervisionConfig};

    #[test]
    fn a_code_and_a_name_or_its_digits_say_whom_and_how() {
        let mut config = SupervisionConfig::default();
        config.agents.insert("21".to_owned(), "nurse1".to_owned());
        assert_eq!(config.dialled("*71nurse1"), Some((Mode::Listen, "nurse1")));
        assert_eq!(config.dialled("*7221"), Some((Mode::Whisper, "nurse1")));
        assert_eq!(config.dialled("*73"), None);
        assert_eq!(config.dialled("nurse1"), None);
    }

    #[test]
    fn codes_that_begin_alike_and_supervisors_who_are_nobody_are_refused() {
        let check =
            |config: &SupervisionConfig| config.check(|name| name == "nurse1", ["*11".to_owned()].iter());
        let ours = SupervisionConfig::default();
        assert_eq!(check(&ours), Ok(()));
        for listen in ["71", "*7", "*1", "*72", "*71x", ""] {
            let wrong = SupervisionConfig { listen: listen.to_owned(), ..ours.clone() };
            assert!(check(&wrong).is_err(), "{listen}");
        }
        let unknown = SupervisionConfig { supervisors: ["desk9".to_owned()].into(), ..ours };
        assert!(check(&unknown).is_err_and(|text| text.contains("desk9")));
    }
}
