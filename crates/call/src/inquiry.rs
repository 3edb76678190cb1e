//! A flow asks a table while its caller hears that it goes on. Whoever performs it answers by
//! [`crate::Input::Inquired`]; the flow itself knows how long it waits.

use std::sync::Arc;

use audit::CallId;
use flow::{Inquiry, InquiryNews, InquirySource, Table};
use primitives::Now;

use crate::call::{Call, millis};
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
        let InquirySource::Table(name) = &source;
        match call.setup.library.table(name).map(Arc::clone) {
            // What private data was shown to whom must be on record, and cannot be now.
            Some(table) if table.is_private() && self.log_is_stalled() => {
                self.inquiry_failed(now, call, "log_stalled", out);
            }
            Some(table) => out.push(Output::LookUp(Box::new(LookUp { call: call.id, table, inquiry }))),
            None => self.inquiry_failed(now, call, "no_such_table", out),
        }
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
            switch.inquiry_over(now, call, &asked, (news.word(), why), out);
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
