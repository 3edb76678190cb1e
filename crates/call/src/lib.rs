//! Joins sip, media, flow, acd and audit into calls: the product's behaviour.
