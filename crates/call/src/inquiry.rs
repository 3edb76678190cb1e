//! A flow asks a table or another system while its caller hears that it goes on. Whoever performs it answers by
//! [`crate::Input::Inquired`]; the flow itself knows how long it waits.

use std::sync::Arc;

use audit::CallId;
use flow::{Inquiry, InquiryNews, InquirySource, Table};
use primitives::Now;

use crate::breaker::Breaker;
use crate::call::{Call, millis};
use crate::endpoint::Request;
use crate::hop::Hop;
use crate::output::Output;
use crate::switch::{Pending, Switch};

/// Something asked for a caller, and not answered yet.
#[derive(Debug)]
pub(crate) struct Asked {
    number: u32,
    source: InquirySource,
    since: Now,
}

/// What an outcome says of whoever was asked.
#[derive(Clone, Copy, Debug)]
enum Sign {
    Healthy,
    Sick,
    None,
}

impl Sign {
    /// By what is behind the answer; nothing is, where it is one.
    fn of(why: &str) -> Self {
        match why {
            "unreachable" | "tls" | "connection_broke" | "overloaded" | "server_error" | "too_many"
            | "no_json" => Self::Sick,
            // We never came to ask it.
            "busy" | "malformed" | "no_such_endpoint" => Self::None,
            _ => Self::Healthy,
        }
    }
}

/// Something to be looked up.
#[derive(Clone, Debug)]
pub struct LookUp {
    /// Whose call.
    pub call: CallId,
    /// The table, of the version this call began with.
    pub table: Arc<Table>,
    /// What is asked.
    pub inquiry: Inquiry,
}

impl Switch {
    /// The flow asks something.
    pub(crate) fn inquire(&mut self, now: Now, call: &mut Call, inquiry: Inquiry, out: &mut Vec<Output>) {
        let source = inquiry.source.clone();
        let number = inquiry.number;
        call.inquiry = Some(Asked { number, source: source.clone(), since: now });
        let asked = Hop::Inquired { verb: source.verb().to_owned(), of: source.name().to_string() };
        self.hop(now, Some(call), asked, out);
        let asks = match &source {
            InquirySource::Table(name) => self.look_up(call, name, inquiry),
            InquirySource::Endpoint(name) => self.ask_endpoint(now, call, name, inquiry, out),
        };
        match asks {
            Ok(output) => out.push(output),
            Err(why) => self.inquiry_failed(now, call, why, out),
        }
    }

    fn look_up(&self, call: &Call, name: &str, inquiry: Inquiry) -> Result<Output, &'static str> {
        let table = call.setup.library.table(name).map(Arc::clone).ok_or("no_such_table")?;
        // What private data was asked for must be on record, and cannot be now.
        if table.is_private() && self.log_is_stalled() {
            return Err("log_stalled");
        }
        Ok(Output::LookUp(Box::new(LookUp { call: call.id, table, inquiry })))
    }

    fn ask_endpoint(
        &mut self,
        now: Now,
        call: &Call,
        name: &Arc<str>,
        inquiry: Inquiry,
        out: &mut Vec<Output>,
    ) -> Result<Output, &'static str> {
        if self.log_is_stalled() {
            return Err("log_stalled");
        }
        // As it is configured now, not as it was when the call began: a secret may have changed.
        let endpoint = self.setup().endpoints.get(&**name).map(Arc::clone).ok_or("no_such_endpoint")?;
        if !self.with_breaker(now, name, out, |breaker| breaker.admits(now.mono)) {
            return Err("left_alone");
        }
        let pauses = self.pauses(endpoint.config.attempts);
        Ok(Output::Request(Box::new(Request { call: call.id, endpoint, inquiry, pauses })))
    }

    /// Works with the breaker of an endpoint, and says in the log where that changed it.
    fn with_breaker<T>(
        &mut self,
        now: Now,
        name: &Arc<str>,
        out: &mut Vec<Output>,
        work: impl FnOnce(&mut Breaker) -> T,
    ) -> T {
        let breaker = self.breakers.entry(Arc::clone(name)).or_default();
        let before = breaker.word();
        let result = work(breaker);
        let state = breaker.word();
        if state != before {
            let (endpoint, state) = (name.to_string(), state.to_owned());
            self.hop(now, None, Hop::EndpointNow { endpoint, state }, out);
        }
        result
    }

    /// An endpoint was asked: what that says of its health.
    fn endpoint_settled(&mut self, now: Now, asked: &Asked, sign: Sign, out: &mut Vec<Output>) {
        let InquirySource::Endpoint(name) = &asked.source else { return };
        let Some(endpoint) = self.setup().endpoints.get(&**name) else { return };
        let config = endpoint.config.breaker;
        self.with_breaker(now, name, out, |breaker| match sign {
            Sign::Healthy => breaker.answered(),
            Sign::Sick => breaker.failed(now.mono, config),
            Sign::None => breaker.given_up(now.mono),
        });
    }

    fn inquiry_failed(&mut self, now: Now, call: &mut Call, why: &str, out: &mut Vec<Output>) {
        let Some(asked) = call.inquiry.take() else { return };
        let number = asked.number;
        self.inquiry_over(now, call, &asked, ("failed", why), out);
        // Said when the step that asked is done.
        let failed = flow::Event::Inquiry { number, news: InquiryNews::Failed };
        self.pending.push_back(Pending::Flow(call.id, failed));
    }

    /// An answer came; `why` tells what is behind a failure.
    pub(crate) fn inquired(
        &mut self,
        now: Now,
        id: CallId,
        (number, news): (u32, InquiryNews),
        why: &str,
        out: &mut Vec<Output>,
    ) {
        self.with_call(now, id, |switch, call| {
            // Nobody waits for the answer to an earlier one.
            let Some(asked) = call.inquiry.take_if(|asked| asked.number == number) else { return };
            switch.endpoint_settled(now, &asked, Sign::of(why), out);
            switch.inquiry_over(now, call, &asked, (asked.source.exit(&news), why), out);
            switch.run_flow(now, call, flow::Event::Inquiry { number, news }, out);
        });
    }

    /// The flow goes on without the answer.
    pub(crate) fn cancel_inquiry(
        &mut self,
        now: Now,
        call: &mut Call,
        timed_out: bool,
        out: &mut Vec<Output>,
    ) {
        let Some(asked) = call.inquiry.take() else { return };
        self.endpoint_settled(now, &asked, if timed_out { Sign::Sick } else { Sign::None }, out);
        let outcome = if timed_out { "timeout" } else { "given_up" };
        self.inquiry_over(now, call, &asked, (outcome, ""), out);
    }

    fn inquiry_over(
        &self,
        now: Now,
        call: &Call,
        asked: &Asked,
        (outcome, why): (&str, &str),
        out: &mut Vec<Output>,
    ) {
        let over = Hop::InquiryOver {
            verb: asked.source.verb().to_owned(),
            of: asked.source.name().to_string(),
            outcome: outcome.to_owned(),
            why: (!why.is_empty()).then(|| why.to_owned()),
            took_ms: millis(now.mono.saturating_duration_since(asked.since.mono)),
        };
        self.hop(now, Some(call), over, out);
    }
}
