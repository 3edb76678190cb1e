//! A scripted SIP telephone, independent of careline's own SIP.
