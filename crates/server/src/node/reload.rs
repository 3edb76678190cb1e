//! Other flows, or another configuration, in a running node: all of it or nothing, and no call is touched. Reading,
//! checking and proving happen on the thread that asks; the signalling thread is handed the finished whole.

use std::sync::{Arc, PoisonError};

use call::Loaded;

use super::{Node, NodeError};
use crate::config::{Config, Override, today};
use crate::content::Content;
use crate::driver::inbox::Message;
use crate::flows::{Activation, VersionListed, fingerprint, passed};
use crate::net::certificates::Renewed;
use crate::secrets::{Names, Secrets};

/// Characters of a refusal the audit log keeps: the first line says what, the server's log says where.
const WHY_CHARS_MAX: usize = 300;

/// What is to be activated.
struct Next {
    config: Config,
    content: Content,
    /// A rollback and a change of the flows alone leave certificates as they are.
    certificates: Option<Renewed>,
    /// Of the configuration, where it was read anew.
    exceptions: Option<Vec<Override>>,
    /// A rollback: what the files say that it stands in for.
    instead_of: Option<String>,
}

impl Node {
    /// Reads flows and configuration anew. Nothing changes unless all of it is right; calls under way end
    /// on the version they began with. Says the digest of the flows.
    pub fn reload(&self, asked: &Loaded) -> Result<String, NodeError> {
        let read = |running: &Config| {
            let config = match &self.config_path {
                Some(path) => Config::load(Some(path))?,
                // Built-in defaults have no file to change; the flows may have changed all the same.
                None => running.clone(),
            };
            self.flows.tries(&fingerprint(&config.call_flows)?);
            let exceptions = Some(config.overrides(self.config_path.as_deref(), today())?);
            let certificates = Some(self.certificates.read_anew(&config)?);
            Ok(Next { content: Content::read(&config)?, config, certificates, exceptions, instead_of: None })
        };
        let outcome = self.attempt(asked, read);
        self.metrics.reload_refused.set(outcome.is_err().into());
        outcome
    }

    /// The files of the flows look different and have come to rest. `careline.yaml` is not read: somebody may be
    /// in the middle of it.
    pub fn reload_changed_files(&self) {
        let folder = self.flows_folder().0;
        // Touched and not changed; or tried before, by hand.
        if fingerprint(&folder).is_ok_and(|files| !self.flows.tries(&files)) {
            return;
        }
        let asked = Loaded { origin: "watch".to_owned(), by: String::new() };
        let read = |running: &Config| {
            let content = Content::read(running)?;
            Ok(Next {
                config: running.clone(),
                content,
                certificates: None,
                exceptions: None,
                instead_of: None,
            })
        };
        let outcome = self.attempt(&asked, read);
        self.metrics.reload_refused.set(outcome.is_err().into());
    }

    /// Activates an earlier version: the one whose digest begins so, else the one before the active one. It stays,
    /// through restarts too, until the files say something else or are reloaded.
    pub fn rollback(&self, version: Option<&str>, by: &str) -> Result<String, NodeError> {
        let asked = Loaded { origin: "rollback".to_owned(), by: by.to_owned() };
        self.attempt(&asked, |running| {
            // An exception may have been written for just this. A configuration in the middle of an edit must not
            // stand in the way of it.
            let anew = self.config_path.as_ref().map(|path| Config::load(Some(path)));
            let config = match anew {
                Some(Ok(config)) => Config { flow_overrides: config.flow_overrides, ..running.clone() },
                Some(Err(_)) | None => running.clone(),
            };
            let version = self.flows.wanted(version)?;
            let content = self.flows.archive.read(&version, &config)?;
            // Files that cannot be read say something else as soon as they can be.
            let instead_of = Some(fingerprint(&config.call_flows).unwrap_or_default());
            Ok(Next { config, content, certificates: None, exceptions: None, instead_of })
        })
    }

    /// Every version that was active here.
    pub async fn versions(&self) -> Option<Vec<VersionListed>> {
        let status = self.inbox.status().await?;
        Some(self.flows.list(&status))
    }

    /// The folder of the flows, and whether it is watched.
    pub fn flows_folder(&self) -> (std::path::PathBuf, bool) {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        (running.call_flows.clone(), running.call_flows_watch)
    }

    /// One at a time. Whatever comes of it is counted, logged and told to the audit log.
    fn attempt(
        &self,
        asked: &Loaded,
        read: impl FnOnce(&Config) -> Result<Next, NodeError>,
    ) -> Result<String, NodeError> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let durable = match self.writer.state() {
            store::LogState::Stalled { .. } => {
                Err(NodeError::Stalled { why: self.writer.last_error().unwrap_or_default() })
            }
            store::LogState::Durable => Ok(()),
        };
        let outcome =
            durable.and_then(|()| read(&running)).and_then(|next| self.activate(&mut running, next, asked));
        let word = if outcome.is_ok() { "taken" } else { "kept_the_last" };
        self.metrics.reloads.with_label_values(&[word]).inc();
        if let Err(error) = &outcome {
            self.tell_refused(asked, error);
        }
        outcome
    }

    /// For the logs. What ran goes on.
    pub(super) fn tell_refused(&self, asked: &Loaded, error: &NodeError) {
        let text = error.to_string();
        tracing::error!(origin = asked.origin, by = asked.by, "refused, what ran goes on:\n{text}");
        let why = text.lines().next().unwrap_or_default().chars().take(WHY_CHARS_MAX).collect();
        // With no room in the inbox the server's log alone has it.
        self.inbox.send(Message::ConfigureRefused { asked: asked.clone(), why });
    }

    fn activate(&self, running: &mut Config, next: Next, asked: &Loaded) -> Result<String, NodeError> {
        let Next { config, content, certificates, exceptions: of_configuration, instead_of } = next;
        // The data folder is that of the start, whatever the file says now.
        let secrets = Secrets::open(&running.data, Names::of(&config))?;
        let last = self.flows.archive.last();
        let (mut setup, exceptions) =
            passed(&content, &config, &secrets, (&self.flows.audio, last.as_ref()), today())?;
        // The media threads are those of the start.
        setup.media.shards = u16::try_from(self.media_threads()).unwrap_or(u16::MAX);
        setup.loaded = asked.clone();
        let activation = Activation::of(&setup, instead_of);
        self.flows.archive.keep(&content, &activation.version)?;
        if (&config.sip, &config.http, &config.data) != (&running.sip, &running.http, &running.data) {
            tracing::warn!("listeners and the data folder change with the next start, not with a reload");
        }
        let setup = Arc::new(setup);
        if !self.inbox.send(Message::Configured(Arc::clone(&setup))) {
            return Err(NodeError::Busy);
        }
        self.now_active(&setup, &activation, exceptions);
        self.seats.keep_for(setup.sip_security());
        if let Some(certificates) = certificates {
            self.certificates.renew(certificates);
        }
        if let Some(exceptions) = of_configuration {
            self.flows.exceptions.of_configuration(exceptions);
        }
        *running = config;
        Ok(activation.version)
    }

    /// What follows from an activation that has happened: nothing here can undo it.
    pub(super) fn now_active(
        &self,
        setup: &Arc<call::Setup>,
        activation: &Activation,
        exceptions: Vec<Override>,
    ) {
        if let Err(error) = self.flows.archive.record(activation) {
            tracing::error!("{error}; these flows are active, and a restart may not know it");
        }
        self.flows.goes_live(setup);
        self.flows.exceptions.of_flows(exceptions);
        self.metrics.flows_rolled_back.set(activation.instead_of.is_some().into());
        let orphans = &setup.fallback.numbers;
        self.metrics.numbers_without_flow.set(i64::try_from(orphans.len()).unwrap_or(i64::MAX));
        if !orphans.is_empty() {
            let (numbers, flow) = (orphans.iter().cloned().collect::<Vec<_>>(), &setup.fallback.flow);
            tracing::error!(
                ?numbers,
                ?flow,
                "numbers an earlier version answered have no flow any more: that flow answers them. Give each one a flow, or list it under `numbers_given_up:`"
            );
        }
        self.flows.archive.prune(&self.flows.in_memory());
        self.flows.audio.let_go();
    }
}
