//! What is said at one place: recorded prompts, and values of the call between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::expression::Template;
use crate::speech::Form;

/// `say`: in order.
#[derive(Debug, Serialize)]
pub(crate) struct Words(pub(crate) Vec<Word>);

/// One of them.
#[derive(Debug, Serialize)]
pub(crate) enum Word {
    Prompt(Arc<str>),
    Value {
        form: Form,
        text: Template,
        #[serde(skip)]
        longest: Longest,
    },
}

/// By language, the pieces that take longest: what a proof says of a value nobody knows.
pub(crate) type Longest = BTreeMap<Arc<str>, Vec<Arc<str>>>;
