//! Every metric, declared once: name, unit, labels, and what it is for.
//!
//! Labels take their values from configuration or from closed lists, so that the number of series does not
//! grow with the number of callers.

use call::{Hop, Status};
use media::PortStats;
use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use store::AuditMetrics;

/// Service targets themselves (seconds), so that a service level is a quotient of two buckets.
const WAIT_SECONDS: [f64; 11] = [5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0, 1_800.0];

/// From what nobody understands to a perfect line; 3.6 is where many users are dissatisfied (ITU-T G.107 annex B).
const SCORES: [f64; 8] = [1.5, 2.0, 2.6, 3.1, 3.6, 4.0, 4.2, 4.3];
/// From a table in memory to the longest a caller waits for an answer.
const INQUIRY_SECONDS: [f64; 9] = [0.001, 0.005, 0.02, 0.1, 0.3, 0.7, 1.5, 3.0, 5.0];
/// From unnoticeable to a gap a caller hears.
const LATE_SECONDS: [f64; 9] = [0.000_5, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05, 0.2];

/// Every metric.
pub struct Metrics {
    registry: Registry,
    /// Calls under way.
    pub calls_active: IntGauge,
    calls: IntCounterVec,
    refused: IntCounterVec,
    arrived: IntCounterVec,
    trunk_refused: IntCounterVec,
    verified: IntCounterVec,
    answer_seconds: Histogram,
    queue_wait: HistogramVec,
    abandoned: IntCounterVec,
    queue_exits: IntCounterVec,
    notes: IntCounterVec,
    offers: IntCounterVec,
    inquiries: HistogramVec,
    endpoints_left_alone: IntGaugeVec,
    talk_seconds: Histogram,
    waiting: IntGaugeVec,
    agents: IntGaugeVec,
    emergency_calls: IntCounterVec,
    emergency_unreached: IntCounter,
    emergency_notices: IntCounterVec,
    /// Notices of emergency calls nobody has taken yet.
    pub emergency_notices_waiting: IntGauge,
    /// SIP messages not acted on, by kind.
    pub sip_dropped: IntCounterVec,
    /// SIP messages the operating system would not take.
    pub sip_unsent: IntCounter,
    /// SIP datagrams the kernel had no room for.
    pub sip_datagrams_lost: IntGauge,
    /// Stream connections there was no room for.
    pub connections_refused: IntCounter,
    /// Stream connections whose peer took nothing for too long.
    pub connections_stalled: IntCounter,
    /// RTP packets sent.
    pub rtp_packets_sent: IntCounter,
    /// RTP packets of ended legs that never came.
    pub rtp_packets_lost: IntCounter,
    /// RTP packets of ended legs that were not the peer's: malformed, of another source, or not sealed by it.
    pub rtp_packets_refused: IntCounter,
    /// Mean opinion score of each ended leg that lasted ten seconds.
    pub leg_score: Histogram,
    /// How late the 1 ms ticks of the media threads are.
    pub media_tick_late: Histogram,
    /// Ticks left out because a media thread was held up.
    pub media_ticks_lost: IntCounter,
    /// Commands a media thread was too far behind to take.
    pub media_commands_lost: IntCounter,
    /// Media events the signalling thread was too far behind to take at once.
    pub media_events_delayed: IntCounter,
    /// Recordings on the disk.
    pub recordings_stored: IntCounter,
    /// Recordings the disk refused, in part or whole.
    pub recordings_failed: IntCounter,
    /// Seconds of recordings, and orders for them, that found the recorder too far behind.
    pub recordings_dropped: IntCounter,
    /// Reloads, by outcome.
    pub reloads: IntCounterVec,
    /// 1 while the last reload was refused.
    pub reload_refused: IntGauge,
    /// 1 while flows are those of a rollback.
    pub flows_rolled_back: IntGauge,
    /// Versions in memory.
    pub flow_versions: IntGauge,
    /// Numbers whose flow is gone.
    pub numbers_without_flow: IntGauge,
    fallback_calls: IntCounterVec,
    trunk_attempts: IntCounterVec,
    trunk_failures: IntCounterVec,
    trunk_destinations: IntGaugeVec,
    trunk_registered: IntGaugeVec,
    trunk_channels: IntGaugeVec,
    /// Days an exception of the configuration still holds; below zero it has ended. Alert below 14.
    pub override_days_left: IntGaugeVec,
    audit_stalled: IntGauge,
    audit: IntGaugeVec,
}

impl Metrics {
    /// Declares all of them.
    // Long: one line for each metric.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let r = &registry;
        Ok(Self {
            calls_active: gauge(r, "careline_calls_active", "Calls under way")?,
            calls: counters(r, "careline_calls_total", "Calls that ended, by why", &["outcome"])?,
            refused: counters(
                r,
                "careline_calls_refused_total",
                "Calls refused, by SIP status",
                &["status", "reason"],
            )?,
            arrived: counters(
                r,
                "careline_trunk_calls_in_total",
                "Calls that came in for a flow, by trunk and by what was known of the caller's number",
                &["trunk", "verification"],
            )?,
            trunk_refused: counters(
                r,
                "careline_trunk_calls_in_refused_total",
                "Calls refused for where they came from, or for how many of them",
                &["trunk", "reason"],
            )?,
            verified: counters(
                r,
                "careline_caller_verifications_total",
                "Signatures of carriers for callers' numbers, by what they were worth and why",
                &["verification", "reason"],
            )?,
            answer_seconds: histogram(
                r,
                "careline_call_answer_seconds",
                "Time from INVITE to our 200",
                &LATE_SECONDS,
            )?,
            queue_wait: histograms(
                r,
                "careline_queue_wait_seconds",
                "Time a caller waited for a person, through every queue, by the queue whose agent answered",
                &["queue", "urgency"],
                &WAIT_SECONDS,
            )?,
            inquiries: histograms(
                r,
                "careline_inquiry_seconds",
                "Time from asking a table or an endpoint to what came of it, by outcome",
                &["verb", "of", "outcome"],
                &INQUIRY_SECONDS,
            )?,
            endpoints_left_alone: gauges(
                r,
                "careline_endpoint_left_alone",
                "1 while an endpoint is not asked because it failed several times in a row",
                &["endpoint"],
            )?,
            abandoned: counters(
                r,
                "careline_queue_abandoned_total",
                "Callers who hung up while waiting",
                &["queue", "urgency"],
            )?,
            queue_exits: counters(
                r,
                "careline_queue_exits_total",
                "Callers a queue let out unserved",
                &["queue", "reason"],
            )?,
            notes: counters(
                r,
                "careline_flow_notes_total",
                "What flows noted of calls: answers of surveys, dispositions, milestones, readings",
                &["reason", "outcome"],
            )?,
            offers: counters(r, "careline_offers_total", "Agents' phones rung, by outcome", &["outcome"])?,
            talk_seconds: histogram(
                r,
                "careline_talk_seconds",
                "Length of conversations",
                &[30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1_920.0],
            )?,
            waiting: gauges(r, "careline_queue_waiting", "Callers waiting now", &["queue", "urgency"])?,
            agents: gauges(r, "careline_agents", "Agents now, by state", &["state"])?,
            emergency_calls: counters(
                r,
                "careline_emergency_calls_total",
                "Emergency numbers dialled on agents' phones",
                &["number"],
            )?,
            emergency_unreached: counter(
                r,
                "careline_emergency_unreached_total",
                "Emergency calls that reached nobody; alert on any",
            )?,
            emergency_notices: counters(
                r,
                "careline_emergency_notices_total",
                "Notices of emergency calls; alert on any that is undelivered or given up",
                &["event", "outcome"],
            )?,
            emergency_notices_waiting: gauge(
                r,
                "careline_emergency_notices_waiting",
                "Notices of emergency calls nobody has taken yet; alert above 0 for 10 s",
            )?,
            sip_dropped: counters(r, "careline_sip_dropped_total", "SIP messages not acted on", &["reason"])?,
            sip_unsent: counter(r, "careline_sip_unsent_total", "SIP messages that could not be sent")?,
            sip_datagrams_lost: gauge(
                r,
                "careline_sip_datagrams_lost",
                "SIP datagrams since the start that the kernel had no room for; each costs its call half a second",
            )?,
            connections_refused: counter(
                r,
                "careline_connections_refused_total",
                "Stream connections there was no room for",
            )?,
            connections_stalled: counter(
                r,
                "careline_connections_stalled_total",
                "Stream connections closed because their peer took nothing",
            )?,
            rtp_packets_sent: counter(r, "careline_rtp_packets_sent_total", "RTP packets sent")?,
            rtp_packets_lost: counter(r, "careline_rtp_packets_lost_total", "RTP packets that never came")?,
            rtp_packets_refused: counter(
                r,
                "careline_rtp_packets_refused_total",
                "RTP packets that were not the peer's",
            )?,
            leg_score: histogram(
                r,
                "careline_leg_mean_opinion_score",
                "How ended legs sounded, by ITU-T G.107; alert when a tenth is below 3.6",
                &SCORES,
            )?,
            media_tick_late: histogram(
                r,
                "careline_media_tick_late_seconds",
                "How late media ticks are; alert above 5 ms",
                &LATE_SECONDS,
            )?,
            media_ticks_lost: counter(r, "careline_media_ticks_lost_total", "Media ticks left out")?,
            media_commands_lost: counter(
                r,
                "careline_media_commands_lost_total",
                "Commands a media thread could not take",
            )?,
            media_events_delayed: counter(
                r,
                "careline_media_events_delayed_total",
                "Media events the signalling thread could not take at once",
            )?,
            recordings_stored: counter(r, "careline_recordings_stored_total", "Recordings on the disk")?,
            recordings_failed: counter(
                r,
                "careline_recordings_failed_total",
                "Recordings the disk refused, in part or whole",
            )?,
            recordings_dropped: counter(
                r,
                "careline_recordings_dropped_total",
                "Seconds of recordings that found the recorder too far behind",
            )?,
            reloads: counters(
                r,
                "careline_reloads_total",
                "Reloads of flows and configuration",
                &["outcome"],
            )?,
            reload_refused: gauge(
                r,
                "careline_reload_refused",
                "1 while the last reload of flows or configuration was refused and what ran before goes on",
            )?,
            flows_rolled_back: gauge(
                r,
                "careline_flows_rolled_back",
                "1 while an earlier version of the flows stands in for the files, by a rollback",
            )?,
            flow_versions: gauge(
                r,
                "careline_flow_versions",
                "Versions of the flows in memory: the active one, and those calls are still on",
            )?,
            numbers_without_flow: gauge(
                r,
                "careline_numbers_without_flow",
                "Numbers an earlier version answered and the active one does not; alert above 0",
            )?,
            fallback_calls: counters(
                r,
                "careline_fallback_calls_total",
                "Calls for a number whose flow is gone, by the flow that answered instead; alert on any",
                &["flow"],
            )?,
            trunk_attempts: counters(
                r,
                "careline_trunk_attempts_total",
                "Calls out that were tried by a trunk",
                &["trunk"],
            )?,
            trunk_failures: counters(
                r,
                "careline_trunk_failures_total",
                "Calls out a trunk did not take, by why: a SIP status, silence, a limit of ours",
                &["trunk", "reason"],
            )?,
            trunk_destinations: gauges(
                r,
                "careline_trunk_destinations",
                "Destinations of a trunk now, by state; alert on down",
                &["trunk", "state"],
            )?,
            trunk_registered: gauges(
                r,
                "careline_trunk_registered",
                "1 for the state our registration at a carrier is in",
                &["trunk", "state"],
            )?,
            trunk_channels: gauges(r, "careline_trunk_channels", "Calls out by a trunk now", &["trunk"])?,
            override_days_left: gauges(
                r,
                "careline_override_days_left",
                "Days an exception of the configuration still holds; alert below 14",
                &["what"],
            )?,
            audit_stalled: gauge(
                r,
                "careline_audit_stalled",
                "1 while the audit log cannot be written in time",
            )?,
            audit: gauges(r, "careline_audit", "The audit log in numbers", &["state"])?,
            registry,
        })
    }

    /// Counts what a leg's media were like.
    pub fn leg_ended(&self, stats: &PortStats) {
        self.rtp_packets_lost.inc_by(stats.packets_lost);
        self.rtp_packets_refused.inc_by(stats.packets_refused);
        if let Some(hundredths) = stats.score_hundredths {
            self.leg_score.observe(f64::from(hundredths) / 100.0);
        }
    }

    /// Counts a hop.
    // Long: one line for each kind.
    pub fn hop(&self, hop: &Hop) {
        let seconds = |ms: &u64| *ms as f64 / 1_000.0;
        match hop {
            Hop::Arrived { trunk, verification, .. } => {
                self.arrived.with_label_values(&[trunk, verification]).inc();
            }
            Hop::Verified { verification, why } => {
                self.verified.with_label_values(&[verification, why]).inc();
            }
            Hop::Refused { status, why, trunk } => {
                if let Some(trunk) = trunk {
                    self.trunk_refused.with_label_values(&[trunk, why]).inc();
                }
                self.refused.with_label_values(&[status.to_string().as_str(), why]).inc();
            }
            Hop::Answered { after_ms } => self.answer_seconds.observe(seconds(after_ms)),
            Hop::Accepted { queue, urgency, waited_ms, .. } => {
                self.queue_wait.with_label_values(&[queue, urgency]).observe(seconds(waited_ms));
                self.offers.with_label_values(&["accepted"]).inc();
            }
            Hop::InquiryOver { verb, of, outcome, took_ms, .. } => {
                self.inquiries.with_label_values(&[verb, of, outcome]).observe(seconds(took_ms));
            }
            Hop::EndpointNow { endpoint, state } => {
                let left_alone = i64::from(state != "closed");
                self.endpoints_left_alone.with_label_values(&[endpoint]).set(left_alone);
            }
            Hop::NotTaken { why, .. } => self.offers.with_label_values(&[why]).inc(),
            Hop::Abandoned { queue, urgency, .. } => {
                self.abandoned.with_label_values(&[queue, urgency]).inc();
            }
            // A sentence for the log is no label.
            Hop::Noted { what, .. } if what == "log" => {}
            Hop::Noted { name, value: Some(value), .. } => {
                self.notes.with_label_values(&[name, value]).inc();
            }
            Hop::Noted { what, name, value: None } => {
                self.notes.with_label_values(&[what, name]).inc();
            }
            Hop::LeftQueue { queue, why, .. } => self.queue_exits.with_label_values(&[queue, why]).inc(),
            Hop::Parted { talked_ms, .. } => self.talk_seconds.observe(seconds(talked_ms)),
            Hop::Ended { cause, .. } => {
                self.calls.with_label_values(&[cause]).inc();
                if matches!(cause.as_str(), "emergency_not_reached" | "emergency_not_configured") {
                    self.emergency_unreached.inc();
                }
            }
            Hop::EmergencyCalled { number, .. } => {
                self.emergency_calls.with_label_values(&[number]).inc();
            }
            Hop::EmergencyTold { what, delivered, .. } => {
                let outcome = if *delivered { "delivered" } else { "undelivered" };
                self.emergency_notices.with_label_values(&[what.as_str(), outcome]).inc();
            }
            Hop::EmergencyNeverTold { what, .. } => {
                self.emergency_notices.with_label_values(&[what.as_str(), "given_up"]).inc();
            }
            Hop::Log { state } => self.audit_stalled.set(i64::from(state == "stalled")),
            Hop::FellBack { flow } => self.fallback_calls.with_label_values(&[flow]).inc(),
            Hop::TrunkCalled { trunk, .. } => self.trunk_attempts.with_label_values(&[trunk]).inc(),
            Hop::TrunkOver { trunk } => {
                self.trunk_failures.with_label_values(&[trunk.as_str(), "channels_over"]).inc();
            }
            Hop::TrunkNotReached { trunk, why } | Hop::TrunkFull { trunk, why } => {
                self.trunk_failures.with_label_values(&[trunk, why]).inc();
            }
            Hop::Dialled { .. }
            | Hop::TransferAsked { .. }
            | Hop::TransferRefused { .. }
            | Hop::Transferred { .. }
            | Hop::PhoneChanged { .. }
            | Hop::TakenUp { .. }
            | Hop::CallingIn { .. }
            | Hop::JoinedIn { .. }
            | Hop::LeftConference { .. }
            | Hop::Remained { .. }
            | Hop::Supervised { .. }
            | Hop::SupervisionChanged { .. }
            | Hop::SupervisionEnded { .. }
            | Hop::SupervisionRefused { .. }
            | Hop::Consented { .. }
            | Hop::Disclosed { .. }
            | Hop::RecordingStarted { .. }
            | Hop::RecordingRefused
            | Hop::RecordingPaused { .. }
            | Hop::RecordingStored { .. }
            | Hop::RecordingIncomplete { .. }
            | Hop::RecordingDiscarded { .. }
            | Hop::MessageDelivered { .. }
            | Hop::Stepped { .. }
            | Hop::Keyed { .. }
            | Hop::Tagged { .. }
            | Hop::Language { .. }
            | Hop::Queued { .. }
            | Hop::Requeued { .. }
            | Hop::Raised { .. }
            | Hop::Offered { .. }
            | Hop::Bridged { .. }
            | Hop::Held { .. }
            | Hop::Reason { .. }
            | Hop::Transferring { .. }
            | Hop::TransferFailed { .. }
            | Hop::PageCalling { .. }
            | Hop::PageAnswered { .. }
            | Hop::PageNotAccepted { .. }
            | Hop::PageAccepted { .. }
            | Hop::PageOver { .. }
            | Hop::Inquired { .. }
            | Hop::AgentNow { .. }
            | Hop::AgentAsked { .. }
            | Hop::AgentRefused { .. }
            | Hop::EmergencyRung { .. }
            | Hop::EmergencyUnreached { .. }
            | Hop::EmergencyFailed { .. }
            | Hop::Registered { .. }
            | Hop::ShutOut { .. }
            | Hop::TrunkNow { .. }
            | Hop::TrunkRegistered { .. }
            | Hop::Override { .. }
            | Hop::LoadRefused { .. }
            | Hop::Loaded { .. } => {}
        }
    }

    fn trunks_stand(&self, trunks: &[call::TrunkStatus]) {
        for metric in [&self.trunk_destinations, &self.trunk_registered, &self.trunk_channels] {
            metric.reset();
        }
        for trunk in trunks {
            let name = trunk.name.as_str();
            for destination in &trunk.destinations {
                self.trunk_destinations.with_label_values(&[name, destination.state]).inc();
            }
            if trunk.registration != "none" {
                self.trunk_registered.with_label_values(&[name, trunk.registration]).set(1);
            }
            let channels = i64::try_from(trunk.channels).unwrap_or(i64::MAX);
            self.trunk_channels.with_label_values(&[name]).set(channels);
        }
    }

    /// The page Prometheus scrapes, with how things stand at this moment.
    pub fn page(&self, status: Option<&Status>, audit: AuditMetrics) -> Result<Vec<u8>, prometheus::Error> {
        if let Some(status) = status {
            self.agents.reset();
            for agent in &status.agents {
                self.agents.with_label_values(&[agent.state]).inc();
            }
            self.trunks_stand(&status.trunks);
            for queue in &status.queues {
                for (urgency, waiting) in flow::Urgency::ALL.iter().zip(queue.waiting) {
                    self.waiting
                        .with_label_values(&[queue.name.as_str(), urgency.word()])
                        .set(waiting.into());
                }
            }
        }
        for (state, number) in [
            ("records", audit.records),
            ("commits", audit.commits),
            ("commit_micros", audit.commit_micros),
            ("commit_failures", audit.commit_failures),
            ("checkpoint_failures", audit.checkpoint_failures),
            ("released_early", audit.released_early),
            ("spilled", audit.spilled),
            ("lost", audit.lost),
            ("held", audit.held),
            ("waiting", audit.waiting),
        ] {
            self.audit.with_label_values(&[state]).set(i64::try_from(number).unwrap_or(i64::MAX));
        }
        let mut page = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut page)?;
        Ok(page)
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let metric = IntCounter::new(name, help)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let metric = IntGauge::new(name, help)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn gauges(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntGaugeVec, prometheus::Error> {
    let metric = IntGaugeVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histogram(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
) -> Result<Histogram, prometheus::Error> {
    let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
    buckets: &[f64],
) -> Result<HistogramVec, prometheus::Error> {
    let metric = HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?;
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}
