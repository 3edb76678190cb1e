//! Which flows a node starts with: those of its folder, unless somebody rolled back, or they would be refused and
//! there are others it may go on with. A power failure in the middle of an edit leaves no telephone unanswered.

use std::sync::Arc;

use call::{Loaded, Setup};
use jiff::civil::Date;

use crate::config::{Config, Override};
use crate::content::{Content, ContentError};
use crate::flows::fallback::fallback;
use crate::flows::{Activation, Archive, Audio, fingerprint, gate};
use crate::node::NodeError;
use crate::secrets::Secrets;

/// What a node starts with.
pub struct First {
    /// For the switch.
    pub setup: Arc<Setup>,
    /// To be recorded.
    pub activation: Activation,
    /// Safety rules that are set aside.
    pub exceptions: Vec<Override>,
    /// Why it is not what the folder says.
    pub refused: Option<NodeError>,
    /// What the folder says.
    pub files: String,
}

/// Content that may be given to callers, and the rules it breaks by an exception.
pub fn passed(
    content: &Content,
    config: &Config,
    secrets: &Secrets,
    (audio, last): (&Audio, Option<&Activation>),
    today: Date,
) -> Result<(Setup, Vec<Override>), ContentError> {
    let mut setup = content.setup(config, secrets, audio)?;
    let exceptions = gate::pass(content, &config.flow_overrides, today)?;
    setup.fallback = fallback(config, &setup.library, last)?;
    Ok((setup, exceptions))
}

impl First {
    /// Chooses.
    pub fn choose(
        config: &Config,
        secrets: &Secrets,
        (archive, audio): (&Archive, &Audio),
        today: Date,
    ) -> Result<Self, NodeError> {
        let last = archive.last();
        let files = fingerprint(&config.call_flows).unwrap_or_default();
        let stands_in = last.as_ref().filter(|last| last.instead_of.as_ref() == Some(&files));
        if let Some(last) = stands_in {
            match Self::kept(config, secrets, (archive, audio), last, today) {
                Ok((setup, exceptions)) => {
                    tracing::warn!(
                        version = last.version,
                        "an earlier version stands in for the files, by a rollback"
                    );
                    return Ok(Self::with(setup, exceptions, last.instead_of.clone(), (None, files)));
                }
                Err(error) => tracing::error!("the version that was rolled back to cannot be used: {error}"),
            }
        }
        let read = || {
            let content = Content::read(config)?;
            let passed = passed(&content, config, secrets, (audio, last.as_ref()), today)?;
            Ok::<_, NodeError>((content, passed))
        };
        match read() {
            Ok((content, (setup, exceptions))) => {
                let first = Self::with(setup, exceptions, None, (None, files));
                if let Err(error) = archive.keep(&content, &first.activation.version) {
                    tracing::error!("{error}; calls are answered, and nobody can roll back to this version");
                }
                Ok(first)
            }
            Err(refused) => {
                let last =
                    last.as_ref().map(|last| Self::kept(config, secrets, (archive, audio), last, today));
                match last {
                    Some(Ok((setup, exceptions))) => {
                        Ok(Self::with(setup, exceptions, None, (Some(refused), files)))
                    }
                    // What is wrong with the files is what there is to mend.
                    Some(Err(_)) | None => Err(refused),
                }
            }
        }
    }

    /// The version that was active when careline stopped. An exception that ended meanwhile is told, and does not
    /// keep a node from answering: it answered with this version until a moment ago.
    fn kept(
        config: &Config,
        secrets: &Secrets,
        (archive, audio): (&Archive, &Audio),
        last: &Activation,
        today: Date,
    ) -> Result<(Setup, Vec<Override>), NodeError> {
        let content = archive.read(&last.version, config)?;
        let mut setup = content.setup(config, secrets, audio)?;
        let exceptions = gate::pass(&content, &config.flow_overrides, today).unwrap_or_else(|error| {
            tracing::error!("callers are answered by the version that was active last, and\n{error}");
            config.flow_overrides.iter().map(crate::config::FlowOverride::exception).collect()
        });
        setup.fallback = fallback(config, &setup.library, Some(last))?;
        Ok((setup, exceptions))
    }

    fn with(
        mut setup: Setup,
        exceptions: Vec<Override>,
        instead_of: Option<String>,
        (refused, files): (Option<NodeError>, String),
    ) -> Self {
        setup.loaded = Loaded { origin: "start".to_owned(), by: String::new() };
        let activation = Activation::of(&setup, instead_of);
        Self { setup: Arc::new(setup), activation, exceptions, refused, files }
    }
}
