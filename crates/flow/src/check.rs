//! What only the whole flow, or all flows together, can show.
use crate::grammar::Reader;
use crate::grammar::flow::Draft;

pub(crate) fn flow(_reader: &mut Reader<'_>, _draft: &Draft) {}
pub(crate) fn among_flows(_reader: &mut Reader<'_>, _path: &str, _draft: &Draft, _drafts: &[(&str, Draft)]) {}
