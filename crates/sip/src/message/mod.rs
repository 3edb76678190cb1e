//! SIP messages: what is on the wire, kept byte for byte, with typed headers on demand.
