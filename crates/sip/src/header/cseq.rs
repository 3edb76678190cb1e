//! CSeq (RFC 3261 §20.16) and RAck (RFC 3262 §7.2).

use crate::message::Method;

use super::text::{Cursor, Expected, number};

/// CSeq numbers stay below this (RFC 3261 §8.1.1.5), so that adding one never wraps.
const CSEQ_END: u32 = 1 << 31;

/// A request's number within its dialog, and its method.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CSeq {
    /// Less than 2³¹ (§8.1.1.5).
    pub number: u32,
    /// Must be the request's own.
    pub method: Method,
}

impl CSeq {
    /// Reads a whole header value.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        let cseq = Self::read(&mut cursor)?;
        if cursor.is_end() { Ok(cseq) } else { Err("nothing after CSeq's method") }
    }

    fn read(cursor: &mut Cursor<'_>) -> Result<Self, Expected> {
        let number = digits(cursor)?;
        if number >= CSEQ_END {
            return Err("a CSeq number below 2^31");
        }
        cursor.skip_space();
        let method = cursor.token().ok_or("a method in CSeq")?;
        Ok(Self { number, method: Method::new(method) })
    }

    /// As a header value.
    pub fn to_wire(&self) -> String {
        format!("{} {}", self.number, self.method)
    }
}

/// Which reliable provisional response a PRACK acknowledges.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RAck {
    /// The response's RSeq.
    pub rseq: u32,
    /// The response's CSeq.
    pub cseq: CSeq,
}

impl RAck {
    /// Reads a whole header value.
    pub fn parse(text: &str) -> Result<Self, Expected> {
        let mut cursor = Cursor::new(text);
        cursor.skip_space();
        let rseq = digits(&mut cursor)?;
        cursor.skip_space();
        let cseq = CSeq::read(&mut cursor)?;
        if cursor.is_end() { Ok(Self { rseq, cseq }) } else { Err("nothing after RAck's method") }
    }

    /// As a header value.
    pub fn to_wire(&self) -> String {
        format!("{} {}", self.rseq, self.cseq.to_wire())
    }
}

/// A number of 32 bits with white space after it.
fn digits(cursor: &mut Cursor<'_>) -> Result<u32, Expected> {
    let number = cursor.take_while(|byte| byte.is_ascii_digit()).and_then(number);
    if !cursor.peek().is_some_and(super::text::is_space) {
        return Err("a number and a space");
    }
    number.ok_or("a number of 32 bits")
}

#[cfg(test)]
mod tests {
    use super::CSeq;
    use crate::message::Method;

    #[test]
    fn a_number_with_leading_zeros_and_a_tab_is_read() {
        assert_eq!(CSeq::parse("0009 \t INVITE"), Ok(CSeq { number: 9, method: Method::Invite }));
    }

    #[test]
    fn what_is_not_a_cseq_is_refused() {
        for text in [
            "",
            "1",
            "INVITE",
            "1INVITE",
            "-1 INVITE",
            "+1 INVITE",
            "2147483648 ACK",
            "36893488147419103232 REGISTER",
            "1 INVITE x",
        ] {
            assert!(CSeq::parse(text).is_err(), "{text}");
        }
    }
}
