//! From samples to what travels, ahead of time: nothing here runs while a prompt plays.

pub(crate) mod g711;
pub(crate) mod resample;
